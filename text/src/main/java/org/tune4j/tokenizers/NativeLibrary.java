package org.tune4j.tokenizers;

import ai.djl.engine.EngineException;
import ai.djl.util.Utils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.platform.NativeFolder;

/** DJL unpacks the library behind {@code tokenizer.json} into a cache folder on first use. */
final class NativeLibrary {
  private static final String SETTING = "DJL_CACHE_DIR";
  private static final String NOT_COPIED = "Cannot copy jni files";

  private NativeLibrary() {}

  /**
   * Has them unpacked where no other user can write. To be called before one is used.
   *
   * @throws EnvironmentException when another user could have put something there
   */
  static void unpackPrivately() {
    String given = Utils.getEnvOrSystemProperty(SETTING);
    if (given == null || given.isEmpty()) {
      System.setProperty(SETTING, NativeFolder.ofUser(".djl.ai", SETTING).toString());
    }
  }

  /**
   * Says so where an exception came from unpacking or loading a library, not from the file that was
   * read with it.
   *
   * @param name as DJL's cache has it
   * @throws EnvironmentException with the folder and the reason
   */
  static void requireLoaded(String name, Throwable e) {
    boolean ours = false;
    Throwable root = e;
    for (Throwable t = e; t != null; t = t.getCause()) {
      ours |=
          t instanceof LinkageError
              || t instanceof EngineException
              || NOT_COPIED.equals(t.getMessage());
      root = t;
    }
    if (ours) {
      Path folder = Utils.getEngineCacheDir(name);
      throw new EnvironmentException(
          "DJL's library %s cannot be unpacked into %s and loaded: %s; set DJL_CACHE_DIR to a folder that can be written and has space"
              .formatted(name, folder, reason(folder, root)),
          e);
    }
  }

  /** DJL logs why the folder cannot be written, and throws something else. */
  private static String reason(Path folder, Throwable root) {
    try {
      Files.createDirectories(folder);
      Files.delete(Files.createTempFile(folder, "probe", ""));
    } catch (IOException e) {
      return TuneException.reason(e);
    }
    return String.valueOf(root.getMessage()).lines().findFirst().orElse("");
  }
}

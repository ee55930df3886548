package org.tune4j.launcher;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * This build's class path with jars for its folders, because class data are shared of jars alone:
 * most of what a process of a test takes is its start.
 */
public final class FastStart {
  private static final FastStart OF_THIS_BUILD = new FastStart();

  private final String classPath;

  private FastStart() {
    try {
      Path jars = Files.createTempDirectory("tune4j-jars");
      jars.toFile().deleteOnExit();
      List<String> entries = new ArrayList<>();
      for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
        Path path = Path.of(entry);
        entries.add(
            Files.isDirectory(path)
                ? jar(path, jars.resolve(entries.size() + ".jar")).toString()
                : entry);
      }
      classPath = String.join(File.pathSeparator, entries);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path jar(Path folder, Path jar) throws IOException {
    jar.toFile().deleteOnExit();
    try (OutputStream out = Files.newOutputStream(jar);
        ZipOutputStream zip = new ZipOutputStream(out);
        Stream<Path> files = Files.walk(folder)) {
      zip.setLevel(0);
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        zip.putNextEntry(new ZipEntry(folder.relativize(file).toString().replace('\\', '/')));
        Files.copy(file, zip);
      }
    }
    return jar;
  }

  /** The class path. */
  public static String classPath() {
    return OF_THIS_BUILD.classPath;
  }
}

package org.tune4j.config;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.tune4j.InputException;
import org.tune4j.TextFile;
import org.tune4j.UsageException;

/** The configs that ship, by names such as {@code smollm2/135M_lora_single_device}. */
public final class ShippedConfigs {
  private ShippedConfigs() {}

  /** {@return all names, in the order of the resource {@code index}} */
  public static List<String> names() {
    return resource("index").lines().filter(l -> !l.isBlank()).toList();
  }

  /**
   * {@return a config's text, with its comments}
   *
   * @param nameOrFile one of {@link #names}, which come first, or a file
   * @throws UsageException when it is neither, or the file cannot be read
   */
  public static String text(String nameOrFile) {
    if (names().contains(nameOrFile)) {
      return resource(nameOrFile + ".yaml");
    }
    Path file = Path.of(nameOrFile);
    if (!Files.exists(file)) {
      throw new UsageException(
          "config '%s' is neither a file nor a name%s; `tune ls` prints the names"
              .formatted(nameOrFile, Nearest.hint(nameOrFile, names())));
    }
    try {
      return TextFile.read(file, "config");
    } catch (InputException e) {
      throw new UsageException(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * {@return a config, as written}
   *
   * @param nameOrFile one of {@link #names}, which come first, or a file
   * @throws UsageException when it is neither, or the file cannot be read
   * @throws org.tune4j.ConfigException when it is no YAML mapping
   */
  public static Config read(String nameOrFile) {
    return Config.parse(nameOrFile, text(nameOrFile));
  }

  private static String resource(String name) {
    try (InputStream in = ShippedConfigs.class.getResourceAsStream("yaml/" + name)) {
      if (in == null) {
        throw new IllegalStateException("resource yaml/" + name + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

package org.tune4j.curves;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/** A run's {@code config.yaml} as dotted keys and values in a line each, for comparison. */
final class FlatConfig {
  private static final int LARGEST = 1 << 20;

  private FlatConfig() {}

  /**
   * Reads it.
   *
   * @param file no link
   * @return the values by key; one key, {@code config.yaml}, that says why it is none
   */
  static Map<String, String> read(Path file) throws IOException {
    Map<String, String> flat = new TreeMap<>();
    try (InputStream in =
        Files.newInputStream(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      byte[] text = in.readNBytes(LARGEST + 1);
      if (text.length > LARGEST) {
        return Map.of("config.yaml", "is larger than 1 MiB");
      }
      LoaderOptions options = new LoaderOptions();
      options.setMaxAliasesForCollections(10);
      flatten(
          "",
          new Yaml(new SafeConstructor(options)).load(new String(text, StandardCharsets.UTF_8)),
          flat);
    } catch (YAMLException | StackOverflowError e) {
      return Map.of("config.yaml", "is not YAML");
    }
    return flat;
  }

  private static void flatten(String key, Object value, Map<String, String> flat) {
    if (value instanceof Map<?, ?> section) {
      section.forEach((k, v) -> flatten(key.isEmpty() ? "" + k : key + "." + k, v, flat));
    } else if (value instanceof List<?> list && list.stream().anyMatch(Map.class::isInstance)) {
      for (int i = 0; i < list.size(); i++) {
        flatten(key + "." + i, list.get(i), flat);
      }
    } else if (!key.isEmpty()) {
      flat.put(key, String.valueOf(value));
    }
  }
}

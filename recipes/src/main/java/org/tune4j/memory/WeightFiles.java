package org.tune4j.memory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Whether a model's folder has its weights, or only says what they are. */
final class WeightFiles {
  private static final Pattern NAMES = Pattern.compile(".*\\.(safetensors|bin|pth|gguf)(\\..*)?");

  private WeightFiles() {}

  /** Whether a folder is there and holds weights. */
  static boolean areIn(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.anyMatch(f -> NAMES.matcher(f.getFileName().toString()).matches());
    } catch (IOException e) {
      return false;
    }
  }
}

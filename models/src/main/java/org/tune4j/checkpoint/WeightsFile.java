package org.tune4j.checkpoint;

import java.nio.file.Path;
import java.util.Map;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/** A file of a model's weights, checked completely when it was opened. */
interface WeightsFile {
  /** Opens a file of the format that its name says. */
  static WeightsFile open(Path file) {
    String name = String.valueOf(file.getFileName());
    if (name.endsWith(".gguf")) {
      return GgufFile.open(file);
    }
    return name.matches(".*\\.(bin|pth|pt)") ? TorchFile.open(file) : SafetensorsFile.open(file);
  }

  Path path();

  /** All tensors by the names that the file has for them. */
  Map<String, Entry> entries();

  /** Those of a model with this config, by Hugging Face's names and in its order of rows. */
  default Map<String, Entry> weights(JsonFields config) {
    return entries();
  }
}

package org.tune4j.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether a snapshot is a model that can be opened: other programs fetch single files too. */
final class CachedModel {
  private CachedModel() {}

  static boolean isWhole(Path folder) {
    boolean tokenizer =
        Files.isRegularFile(folder.resolve("tokenizer.json"))
            || Files.isRegularFile(folder.resolve("tokenizer.model"));
    return tokenizer && Files.isRegularFile(folder.resolve("config.json")) && hasWeights(folder);
  }

  private static boolean hasWeights(Path folder) {
    if (Files.isRegularFile(folder.resolve("model.safetensors"))) {
      return true;
    }
    Path index = folder.resolve("model.safetensors.index.json");
    if (!Files.isRegularFile(index)) {
      return false;
    }
    try {
      JsonNode shards = new ObjectMapper().readTree(index.toFile()).path("weight_map");
      for (JsonNode shard : shards) {
        if (!Files.isRegularFile(folder.resolve(shard.asText()))) {
          return false;
        }
      }
      return !shards.isEmpty();
    } catch (IOException e) {
      return false; // fetched again, and then said to be broken
    }
  }
}

package org.tune4j.tokenizers;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.tune4j.InputException;

/**
 * Refuses what makes the native tokenizer end the whole process instead of reporting an error;
 * found by fuzzing.
 */
final class TokenizerJson {
  private TokenizerJson() {}

  /**
   * Checks a {@code tokenizer.json} before the native library gets it.
   *
   * @throws InputException when it is not sound
   */
  static void check(Path file, JsonNode json) {
    numbers(file, json, "");
  }

  /** A number that no double holds makes it panic. */
  private static void numbers(Path file, JsonNode node, String at) {
    if (node.isFloatingPointNumber() && !Double.isFinite(node.asDouble())) {
      throw new InputException(
          "tokenizer %s: %s is %s, expected a number of double precision; fetch the file again"
              .formatted(file, at.isEmpty() ? "it" : at, "infinite"));
    }
    if (node.isObject()) {
      node.properties().forEach(e -> numbers(file, e.getValue(), at + "/" + e.getKey()));
    } else if (node.isArray()) {
      for (int i = 0; i < node.size(); i++) {
        numbers(file, node.get(i), at + "/" + i);
      }
    }
  }
}

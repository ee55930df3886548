package org.tune4j.tokenizers;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Base64;
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
    values(file, json, "");
    templates(file, json.path("post_processor"));
    strips(file, json.path("decoder"));
    merges(file, json.path("model"));
    charMaps(file, json.path("normalizer"));
    for (JsonNode id : json.path("model").path("vocab")) {
      id(file, "model.vocab", id);
    }
    for (JsonNode token : json.path("added_tokens")) {
      id(file, "added_tokens", token.path("id"));
    }
  }

  /** A map of characters is followed without a look at where its array ends. */
  private static void charMaps(Path file, JsonNode normalizer) {
    for (JsonNode part : normalizer.path("normalizers")) {
      charMaps(file, part);
    }
    String map = normalizer.path("precompiled_charsmap").asText("");
    if (map.isEmpty() || normalizer.path("precompiled_charsmap").isNull()) {
      return;
    }
    try {
      CharMap.parse(Base64.getDecoder().decode(map));
    } catch (IOException | IllegalArgumentException e) {
      throw new InputException(
          "tokenizer %s: its normalizer's precompiled_charsmap is broken; fetch the file again"
              .formatted(file),
          e);
    }
  }

  /** Vocabularies of pairs of a token and its score have no ids of their own. */
  private static void id(Path file, String where, JsonNode id) {
    if (id.isIntegralNumber() && !(id.canConvertToInt() && id.asInt() >= 0)) {
      throw new InputException(
          "tokenizer %s: %s has the id %s, expected 0 to 2147483647; fetch the file again"
              .formatted(file, where, id));
    }
  }

  /** The prefix is cut off the second half of each merge, without a look at what is cut. */
  private static void merges(Path file, JsonNode model) {
    String prefix = model.path("continuing_subword_prefix").asText("");
    if (model.path("continuing_subword_prefix").isNull() || prefix.isEmpty()) {
      return;
    }
    for (JsonNode merge : model.path("merges")) {
      String second =
          merge.isArray()
              ? merge.path(1).asText()
              : merge.asText().substring(merge.asText().indexOf(' ') + 1);
      if (!second.startsWith(prefix)) {
        throw new InputException(
            "tokenizer %s: the merge %s does not go on with continuing_subword_prefix '%s'; fetch the file again"
                .formatted(file, merge, prefix));
      }
    }
  }

  /** Cutting from the end panics where a text is shorter than the cut. */
  private static void strips(Path file, JsonNode decoder) {
    for (JsonNode part : decoder.path("decoders")) {
      strips(file, part);
    }
    if (decoder.path("stop").asInt() != 0) {
      throw new InputException(
          "tokenizer %s: its decoder strips %s characters at the end, expected 0; fetch the file again"
              .formatted(file, decoder.path("stop")));
    }
  }

  /** A template of one sequence that asks for the second makes it read behind an array's end. */
  private static void templates(Path file, JsonNode processor) {
    for (JsonNode part : processor.path("processors")) {
      templates(file, part);
    }
    for (JsonNode piece : processor.path("single")) {
      if (piece.path("Sequence").path("id").asText().equals("B")) {
        throw new InputException(
            "tokenizer %s: post_processor's template for one sequence holds sequence B, expected A; fetch the file again"
                .formatted(file));
      }
    }
    processor
        .path("special_tokens")
        .properties()
        .forEach(
            e -> {
              int ids = e.getValue().path("ids").size();
              int tokens = e.getValue().path("tokens").size();
              if (ids != tokens) {
                throw new InputException(
                    "tokenizer %s: post_processor's special token '%s' has %d ids, expected %d, one a token; fetch the file again"
                        .formatted(file, e.getKey(), ids, tokens));
              }
            });
  }

  /** A number that no double holds makes it panic, and so does half a character in a decoder. */
  private static void values(Path file, JsonNode node, String at) {
    if (node.isFloatingPointNumber() && !Double.isFinite(node.asDouble())) {
      throw new InputException(
          "tokenizer %s: the number at '%s' is infinite in double precision; fetch the file again"
              .formatted(file, at));
    }
    if (node.isTextual()) {
      text(file, node.textValue(), at);
    } else if (node.isObject()) {
      node.properties()
          .forEach(
              e -> {
                text(file, e.getKey(), at);
                values(file, e.getValue(), at + "/" + e.getKey());
              });
    } else if (node.isArray()) {
      for (int i = 0; i < node.size(); i++) {
        values(file, node.get(i), at + "/" + i);
      }
    }
  }

  private static void text(Path file, String text, String at) {
    if (text.codePoints()
        .anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE)) {
      throw new InputException(
          "tokenizer %s: a text at '%s' contains a lone surrogate; fetch the file again"
              .formatted(file, at));
    }
  }
}

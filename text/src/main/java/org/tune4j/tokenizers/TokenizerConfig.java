package org.tune4j.tokenizers;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What transformers reads beside a tokenizer's file: {@code tokenizer_config.json}, {@code
 * special_tokens_map.json}, {@code added_tokens.json}, and {@code config.json} for the class where
 * the first names none. As in transformers 4.57, {@code added_tokens_decoder} in the first makes
 * the second and third unread; without it the second goes before the first.
 *
 * @param settings {@code tokenizer_config.json}
 * @param named special tokens by their names, as text or object; null for one that is switched off
 * @param addedTokens texts and ids of {@code added_tokens.json}, empty where that is not read
 * @param tokenizerClass the class that {@code AutoTokenizer} takes
 */
record TokenizerConfig(
    JsonNode settings,
    Map<String, JsonNode> named,
    JsonNode addedTokens,
    TokenizerClass tokenizerClass) {
  private static final List<String> NAMES =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  /** Some write Infinity into {@code config.json}, in fields that are not read here. */
  private static final ObjectMapper MAPPER =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  /** Reads the files of a folder, all of which may be absent. */
  static TokenizerConfig beside(Path folder) throws IOException {
    JsonNode settings = read(folder.resolve("tokenizer_config.json"));
    boolean legacy = !settings.path("added_tokens_decoder").isObject();
    JsonNode map =
        legacy ? read(folder.resolve("special_tokens_map.json")) : MissingNode.getInstance();
    for (JsonNode token : map) {
      if (token instanceof ObjectNode object) {
        object.put("special", true);
      }
    }
    Map<String, JsonNode> named = new LinkedHashMap<>();
    for (String name : NAMES) {
      JsonNode token = map.has(name) ? map.path(name) : settings.path(name);
      if (!token.isMissingNode()) {
        named.put(name, token);
      }
    }
    int more = 0;
    for (JsonNode source : List.of(settings, map)) {
      for (JsonNode token : source.path("additional_special_tokens")) {
        named.put("additional_special_tokens " + more++, token);
      }
    }
    return new TokenizerConfig(
        settings,
        named,
        legacy ? read(folder.resolve("added_tokens.json")) : MissingNode.getInstance(),
        TokenizerClass.of(
            settings,
            settings.hasNonNull("tokenizer_class")
                ? MissingNode.getInstance()
                : read(folder.resolve("config.json"))));
  }

  private static JsonNode read(Path file) throws IOException {
    return Files.isRegularFile(file) ? MAPPER.readTree(file.toFile()) : MissingNode.getInstance();
  }

  /** A token's text, which is empty for one that is switched off. */
  static String content(JsonNode token) {
    return token.isObject()
        ? token.path("content").asText()
        : token.isTextual() ? token.textValue() : "";
  }

  /** The texts of special tokens by their names, such as {@code bos_token}. */
  Map<String, String> specialTokens() {
    Map<String, String> texts = new HashMap<>(tokenizerClass.specialTokens);
    for (String name : NAMES) {
      if (named.containsKey(name)) {
        texts.put(name, content(named.get(name)));
      }
    }
    texts.values().removeIf(String::isEmpty);
    return texts;
  }

  /** A setting that is true or false. */
  boolean is(String key, boolean fallback) {
    return settings.path(key).asBoolean(fallback);
  }
}

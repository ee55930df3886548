package org.tune4j.tokenizers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Completes a {@code tokenizer.json} by what the files beside it say, as transformers' {@code
 * PreTrainedTokenizerFast} does: added tokens, what stands around a text, and the blank before it.
 */
final class AddedTokens {
  private static final Logger LOG = LoggerFactory.getLogger(AddedTokens.class);

  private final ObjectNode json;
  private final TokenizerConfig config;
  private final Map<String, Integer> vocabulary = new LinkedHashMap<>();
  private final Map<String, ObjectNode> tokens = new LinkedHashMap<>();

  private AddedTokens(ObjectNode json, TokenizerConfig config) {
    this.json = json;
    this.config = config;
    JsonNode vocab = json.path("model").path("vocab");
    vocab.properties().forEach(e -> vocabulary.put(e.getKey(), e.getValue().asInt()));
    for (int i = 0; i < vocab.size() && vocab.isArray(); i++) {
      vocabulary.putIfAbsent(vocab.get(i).path(0).asText(), i);
    }
    for (JsonNode token : json.path("added_tokens")) {
      if (token instanceof ObjectNode object) {
        tokens.put(object.path("content").asText(), object);
      }
    }
  }

  /**
   * Changes a {@code tokenizer.json}.
   *
   * @param converted whether it was made from a {@code tokenizer.model}, whose own added tokens
   *     give way to all that the files beside it name
   * @param more special tokens that no file names, added behind all others
   */
  static void complete(
      ObjectNode json, TokenizerConfig config, boolean converted, List<String> more) {
    AddedTokens added = new AddedTokens(json, config);
    added.addAll(converted);
    more.forEach(content -> added.add(content, TextNode.valueOf(content), true));
    if (!added.tokens.isEmpty()) {
      ArrayNode all = json.putArray("added_tokens");
      added.tokens.values().forEach(all::add);
    }
    if (config.tokenizerClass().writesPostProcessor) {
      added.writePostProcessor();
    }
    JsonNode prefix = config.settings().path("add_prefix_space");
    if (json.path("pre_tokenizer") instanceof ObjectNode preTokenizer
        && preTokenizer.has("add_prefix_space")
        && !prefix.isNull()) {
      preTokenizer.put("add_prefix_space", prefix.asBoolean(false));
    }
  }

  private void addAll(boolean converted) {
    Set<String> known = new HashSet<>(converted ? Set.of() : tokens.keySet());
    JsonNode decoder = config.settings().path("added_tokens_decoder");
    if (decoder.isObject()) {
      known.clear();
    }
    TreeMap<Integer, JsonNode> byId = new TreeMap<>();
    decoder.properties().forEach(e -> byId.put(Integer.parseInt(e.getKey()), e.getValue()));
    byId.forEach(
        (id, token) -> {
          String content = TokenizerConfig.content(token);
          known.add(content);
          add(content, token, token.path("special").asBoolean());
          warnOfAnotherId(content, id);
        });
    TreeMap<Integer, String> older = new TreeMap<>();
    config.addedTokens().properties().forEach(e -> older.put(e.getValue().asInt(), e.getKey()));
    older.forEach(
        (id, content) -> {
          if (!tokens.containsKey(content)) {
            boolean special = isNamed(content);
            add(content, json.objectNode().put("normalized", !special), special);
            warnOfAnotherId(content, id);
          }
          known.add(content);
        });
    config
        .named()
        .values()
        .forEach(
            token -> {
              String content = TokenizerConfig.content(token);
              ObjectNode there = tokens.get(content);
              boolean stays = known.contains(content) || !token.isObject();
              add(content, there != null && stays ? there : token, true);
            });
    config
        .tokenizerClass()
        .specialTokens
        .forEach(
            (name, content) -> {
              ObjectNode there = tokens.get(content);
              if (!config.named().containsKey(name)
                  && (there != null || vocabulary.containsKey(content))) {
                add(content, there != null ? there : TextNode.valueOf(content), true);
              }
            });
  }

  private boolean isNamed(String content) {
    return config.named().values().stream()
        .anyMatch(t -> TokenizerConfig.content(t).equals(content));
  }

  /**
   * Adds a token, or gives one that is there other properties. As in the native library, one that
   * is found before the text is normalised, or is special, stays so.
   */
  private void add(String content, JsonNode flags, boolean special) {
    if (content.isEmpty()) {
      return;
    }
    boolean normalized =
        flags.path("normalized").asBoolean(!flags.path("special").asBoolean(flags.isTextual()));
    boolean becomesSpecial = special || isNamed(content);
    ObjectNode there = tokens.get(content);
    if (there != null) {
      boolean wasSpecial = there.path("special").asBoolean();
      boolean wasNormalized = there.path("normalized").asBoolean();
      normalized = wasNormalized && (normalized || wasSpecial || !becomesSpecial);
      becomesSpecial |= wasSpecial;
    }
    ObjectNode token = json.objectNode();
    token.put("id", id(content)).put("content", content);
    for (String flag : new String[] {"single_word", "lstrip", "rstrip"}) {
      token.put(flag, flags.path(flag).asBoolean());
    }
    tokens.put(content, token.put("normalized", normalized).put("special", becomesSpecial));
  }

  /** What the native library gives: ids behind the last one, in the order of being added. */
  private int id(String content) {
    ObjectNode there = tokens.get(content);
    if (there != null) {
      return there.path("id").asInt();
    }
    Integer inVocabulary = vocabulary.get(content);
    if (inVocabulary != null) {
      return inVocabulary;
    }
    int last = tokens.values().stream().mapToInt(t -> t.path("id").asInt()).max().orElse(-1);
    return Math.max(last + 1, vocabulary.size());
  }

  private void warnOfAnotherId(String content, int id) {
    if (id(content) != id) {
      LOG.warn(
          "the files beside the tokenizer give the token '{}' the id {}, but it has the id {}, as"
              + " in transformers, which takes the tokenizer's own id or else the next free one",
          content,
          id,
          id(content));
    }
  }

  private void writePostProcessor() {
    Map<String, String> texts = config.specialTokens();
    ObjectNode processor = json.objectNode().put("type", "TemplateProcessing");
    ArrayNode single = processor.putArray("single");
    ArrayNode pair = processor.putArray("pair");
    ObjectNode special = processor.putObject("special_tokens");
    boolean complete = true;
    for (int type = 0; type < 2; type++) {
      complete &= around("bos_token", config.tokenizerClass().addsBos, texts, type, special, pair);
      pair.addObject().putObject("Sequence").put("id", type == 0 ? "A" : "B").put("type_id", type);
      complete &= around("eos_token", false, texts, type, special, pair);
      if (type == 0) {
        single.addAll(pair.deepCopy());
      }
    }
    if (complete) {
      json.set("post_processor", processor);
    }
  }

  /** False where the token that is to be added is no token. */
  private boolean around(
      String name,
      boolean fallback,
      Map<String, String> texts,
      int type,
      ObjectNode special,
      ArrayNode pieces) {
    if (!config.is("add_" + name, fallback)) {
      return true;
    }
    String content = texts.getOrDefault(name, "");
    if (!tokens.containsKey(content)) {
      return false;
    }
    pieces.addObject().putObject("SpecialToken").put("id", content).put("type_id", type);
    ObjectNode entry = special.putObject(content).put("id", content);
    entry.putArray("ids").add(id(content));
    entry.putArray("tokens").add(content);
    return true;
  }
}

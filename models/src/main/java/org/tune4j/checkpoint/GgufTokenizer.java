package org.tune4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizer of a GGUF file as the files that Hugging Face has for it: {@code tokenizer.json}
 * for byte-level pairs ({@code gpt2}), {@code tokenizer.model} for SentencePiece ({@code llama}),
 * and their settings and chat template.
 */
final class GgufTokenizer {
  static final String KEY = "tokenizer.ggml.";

  /** Hugging Face's names of special tokens by GGUF's, in order. */
  static final Map<String, String> SPECIAL =
      new TreeMap<>(Map.of("bos", "bos", "eos", "eos", "unknown", "unk", "padding", "pad"));

  private static final String JSON = "tokenizer.json";
  private static final String SPLIT_3 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
          + " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /** Types of tokens, which are SentencePiece's. */
  private static final int CONTROL = 3;

  private static final int USER_DEFINED = 4;
  private static final int BYTE = 6;

  /**
   * How a text is cut before pairs are merged.
   *
   * @param pattern of the pieces; null for GPT-2's
   * @param digits whether each is alone
   * @param wholeWords whether a piece that is a token is one, whatever the merges say
   * @param bos whether texts begin with BOS where nothing else is said
   */
  private record Cut(@Nullable String pattern, boolean digits, boolean wholeWords, boolean bos) {}

  /** By {@code tokenizer.ggml.pre}. Source: {@code llama-vocab.cpp} of llama.cpp. */
  private static final Map<String, Cut> CUTS =
      Map.of(
          "gpt-2", new Cut(null, false, false, false),
          "smollm", new Cut(null, true, false, false),
          "llama-bpe", new Cut(SPLIT_3, false, true, true),
          "qwen2", new Cut(SPLIT_3.replace("{1,3}", ""), false, false, false));

  private final GgufMetadata metadata;
  private final List<String> tokens;
  private final List<Long> types;

  private GgufTokenizer(GgufMetadata metadata) {
    this.metadata = metadata;
    this.tokens = metadata.texts(KEY + "tokens");
    this.types = metadata.list(KEY + "token_type", Long.class, "a list of whole numbers");
    if (types.size() != tokens.size()) {
      throw metadata.wrong(
          KEY + "token_type", "one for each of %d tokens".formatted(tokens.size()));
    }
  }

  /** What GGUF calls the way in which a {@code tokenizer.json} cuts texts. */
  static Optional<String> pre(JsonNode preTokenizer) {
    Optional<String> pattern = Optional.empty();
    boolean digits = false;
    boolean bytes = false;
    List<JsonNode> steps = new ArrayList<>();
    preTokenizer.path("pretokenizers").forEach(steps::add);
    for (JsonNode step : steps.isEmpty() ? List.of(preTokenizer) : steps) {
      switch (step.path("type").asText()) {
        case "Split" -> pattern = Optional.of(step.path("pattern").path("Regex").asText());
        case "Digits" -> digits = step.path("individual_digits").asBoolean();
        case "ByteLevel" -> bytes = !step.path("add_prefix_space").asBoolean();
        default -> {
          return Optional.empty();
        }
      }
    }
    for (Map.Entry<String, Cut> e : CUTS.entrySet()) {
      Cut cut = e.getValue();
      if (bytes && cut.digits() == digits && Objects.equals(cut.pattern(), pattern.orElse(null))) {
        return Optional.of(e.getKey());
      }
    }
    return Optional.empty();
  }

  /** The files' contents by name. */
  static Map<String, byte[]> files(GgufMetadata metadata) {
    GgufTokenizer tokenizer = new GgufTokenizer(metadata);
    Map<String, byte[]> files = new LinkedHashMap<>();
    String model = metadata.text(KEY + "model");
    boolean pieces = model.equals("llama");
    if (!pieces && !model.equals("gpt2")) {
      throw metadata.wrong(KEY + "model", "gpt2 or llama");
    }
    files.put(
        pieces ? "tokenizer.model" : JSON,
        pieces ? tokenizer.sentencePiece() : bytes(tokenizer.json()));
    files.put("tokenizer_config.json", bytes(tokenizer.settings(pieces)));
    metadata
        .optionalText("tokenizer.chat_template")
        .ifPresent(text -> files.put("chat_template.jinja", text.getBytes(StandardCharsets.UTF_8)));
    files.put("generation_config.json", bytes(tokenizer.generation()));
    return files;
  }

  private static byte[] bytes(ObjectNode json) {
    return ShardPlan.pretty(json).getBytes(StandardCharsets.UTF_8);
  }

  private static ObjectNode object() {
    return JsonFields.MAPPER.createObjectNode();
  }

  private ObjectNode json() {
    String pre = metadata.optionalText(KEY + "pre").orElse("gpt-2");
    Cut cut = CUTS.get(pre);
    if (cut == null) {
      throw metadata.wrong(
          KEY + "pre",
          "one of %s; put the model's tokenizer.json and config.json beside the file and name the folder"
              .formatted(new TreeSet<>(CUTS.keySet())));
    }
    ObjectNode json = object().put("version", "1.0");
    json.putNull("truncation").putNull("padding");
    added(json.putArray("added_tokens"));
    if (pre.equals("qwen2")) {
      json.putObject("normalizer").put("type", "NFC");
    } else {
      json.putNull("normalizer");
    }
    ArrayNode steps =
        json.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
    if (cut.digits()) {
      steps.addObject().put("type", "Digits").put("individual_digits", true);
    }
    if (cut.pattern() != null) {
      ObjectNode split = steps.addObject().put("type", "Split");
      split.putObject("pattern").put("Regex", cut.pattern());
      split.put("behavior", "Isolated").put("invert", false);
    }
    byteLevel(steps.addObject(), false, cut.pattern() == null);
    Optional<String> bos = token("bos");
    if (bos.isPresent() && metadata.flag(KEY + "add_bos_token", cut.bos())) {
      begins(
          json.putObject("post_processor"), bos.get(), (int) metadata.whole(KEY + "bos_token_id"));
    } else {
      json.putNull("post_processor");
    }
    byteLevel(json.putObject("decoder"), true, true);
    json.set("model", pairs(cut));
    return json;
  }

  private void added(ArrayNode all) {
    for (int id = 0; id < tokens.size(); id++) {
      if (types.get(id) == CONTROL || types.get(id) == USER_DEFINED) {
        all.addObject()
            .put("id", id)
            .put("content", tokens.get(id))
            .put("single_word", false)
            .put("lstrip", false)
            .put("rstrip", false)
            .put("normalized", false)
            .put("special", types.get(id) == CONTROL);
      }
    }
  }

  private static void byteLevel(ObjectNode step, boolean prefix, boolean regex) {
    step.put("type", "ByteLevel")
        .put("add_prefix_space", prefix)
        .put("trim_offsets", true)
        .put("use_regex", regex);
  }

  private static void begins(ObjectNode processor, String bos, int id) {
    processor.put("type", "TemplateProcessing");
    ArrayNode single = processor.putArray("single");
    ArrayNode pair = processor.putArray("pair");
    for (int i = 0; i < 2; i++) {
      for (ArrayNode template : i == 0 ? List.of(single, pair) : List.of(pair)) {
        template.addObject().putObject("SpecialToken").put("id", bos).put("type_id", i);
        template.addObject().putObject("Sequence").put("id", i == 0 ? "A" : "B").put("type_id", i);
      }
    }
    ObjectNode special = processor.putObject("special_tokens").putObject(bos);
    special.put("id", bos);
    special.putArray("ids").add(id);
    special.putArray("tokens").add(bos);
  }

  private ObjectNode pairs(Cut cut) {
    ObjectNode model = object().put("type", "BPE");
    for (String none :
        List.of("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")) {
      model.putNull(none);
    }
    model.put("fuse_unk", false).put("byte_fallback", false);
    model.put("ignore_merges", cut.wholeWords());
    ObjectNode vocab = model.putObject("vocab");
    for (int id = 0; id < tokens.size(); id++) {
      vocab.put(tokens.get(id), id);
    }
    ArrayNode merges = model.putArray("merges");
    for (String merge : metadata.texts(KEY + "merges")) {
      int blank = merge.indexOf(' ', 1);
      if (blank < 0) {
        throw metadata.wrong(KEY + "merges", "pairs with a blank between");
      }
      merges.addArray().add(merge.substring(0, blank)).add(merge.substring(blank + 1));
    }
    return model;
  }

  private Optional<String> token(String name) {
    String key = KEY + name + "_token_id";
    return metadata
        .optionalWhole(key)
        .map(
            id -> {
              if (id < 0 || id >= tokens.size()) {
                throw metadata.wrong(key, "0 to " + (tokens.size() - 1));
              }
              return tokens.get(id.intValue());
            });
  }

  private ObjectNode settings(boolean pieces) {
    ObjectNode json = object();
    json.put("tokenizer_class", pieces ? "LlamaTokenizer" : "PreTrainedTokenizerFast");
    SPECIAL.forEach((key, name) -> token(key).ifPresent(text -> json.put(name + "_token", text)));
    if (pieces) {
      json.put("add_bos_token", metadata.flag(KEY + "add_bos_token", true));
      json.put("add_eos_token", metadata.flag(KEY + "add_eos_token", false));
      json.put("add_prefix_space", metadata.flag(KEY + "add_space_prefix", true));
      json.put("legacy", true);
    }
    json.put("clean_up_tokenization_spaces", false);
    return json;
  }

  private ObjectNode generation() {
    ObjectNode json = object();
    metadata.optionalWhole(KEY + "bos_token_id").ifPresent(id -> json.put("bos_token_id", id));
    TreeSet<Long> ends = new TreeSet<>();
    for (String name : List.of("eos", "eot", "eom")) {
      metadata.optionalWhole(KEY + name + "_token_id").ifPresent(ends::add);
    }
    ArrayNode ids = json.putArray("eos_token_id");
    ends.forEach(ids::add);
    return json;
  }

  /** Of SentencePiece's {@code ModelProto}: pieces, the trainer's and the normalizer's settings. */
  private byte[] sentencePiece() {
    List<Float> scores = metadata.list(KEY + "scores", Float.class, "a list of fp32");
    if (scores.size() != tokens.size()) {
      throw metadata.wrong(KEY + "scores", "one for each of %d tokens".formatted(tokens.size()));
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int id = 0; id < tokens.size(); id++) {
      ByteArrayOutputStream piece = new ByteArrayOutputStream();
      bytes(piece, 1, tokens.get(id).getBytes(StandardCharsets.UTF_8));
      piece.write(2 << 3 | 5);
      piece.writeBytes(
          ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(scores.get(id)).array());
      number(piece, 3, types.get(id));
      bytes(out, 1, piece.toByteArray());
    }
    ByteArrayOutputStream trainer = new ByteArrayOutputStream();
    number(trainer, 3, 2); // byte pairs
    number(trainer, 35, types.contains((long) BYTE) ? 1 : 0);
    bytes(out, 2, trainer.toByteArray());
    ByteArrayOutputStream normalizer = new ByteArrayOutputStream();
    number(normalizer, 3, metadata.flag(KEY + "add_space_prefix", true) ? 1 : 0);
    number(normalizer, 4, 0); // blanks stay
    bytes(out, 3, normalizer.toByteArray());
    return out.toByteArray();
  }

  private static void bytes(ByteArrayOutputStream out, int field, byte[] value) {
    varint(out, field << 3 | 2);
    varint(out, value.length);
    out.writeBytes(value);
  }

  private static void number(ByteArrayOutputStream out, int field, long value) {
    varint(out, field << 3);
    varint(out, value);
  }

  private static void varint(ByteArrayOutputStream out, long value) {
    long rest = value;
    for (; (rest & ~0x7fL) != 0; rest >>>= 7) {
      out.write((int) ((rest & 0x7f) | 0x80));
    }
    out.write((int) rest);
  }
}

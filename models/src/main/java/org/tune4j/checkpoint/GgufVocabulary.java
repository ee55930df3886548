package org.tune4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tune4j.InputException;
import org.tune4j.TuneException;

/** The tokenizer of a Hugging Face folder as GGUF's metadata. */
final class GgufVocabulary {
  private static final String KEY = GgufTokenizer.KEY;
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;
  private static final int BYTE = 6;
  private static final String BYTE_TOKEN = "<0x[0-9A-F]{2}>";

  private final Path folder;
  private final List<String> tokens = new ArrayList<>();
  private final List<Integer> types = new ArrayList<>();
  private final List<Float> scores = new ArrayList<>();
  private final Map<String, Object> metadata = new LinkedHashMap<>();

  private GgufVocabulary(Path folder) {
    this.folder = folder;
  }

  /**
   * @param size rows of the embedding
   */
  static Map<String, Object> metadata(Path folder, int size) {
    GgufVocabulary vocabulary = new GgufVocabulary(folder);
    try {
      vocabulary.read(size);
    } catch (IOException e) {
      throw new InputException(
          "the tokenizer in " + folder + " cannot be read: " + TuneException.reason(e), e);
    }
    return vocabulary.metadata;
  }

  private void read(int size) throws IOException {
    Path json = folder.resolve("tokenizer.json");
    Path pieces = folder.resolve("tokenizer.model");
    JsonNode file =
        Files.exists(json)
            ? JsonFields.MAPPER.readTree(json.toFile())
            : JsonFields.MAPPER.createObjectNode();
    JsonNode settings = settings();
    boolean byteFallback = file.path("model").path("byte_fallback").asBoolean();
    boolean bos;
    if (file.path("model").path("type").asText().equals("BPE")) {
      vocabulary(file);
      bos = byteFallback ? settings.path("add_bos_token").asBoolean(true) : begins(file);
      metadata.put(KEY + "model", byteFallback ? "llama" : "gpt2");
      if (!byteFallback) {
        metadata.put(
            KEY + "pre",
            GgufTokenizer.pre(file.path("pre_tokenizer"))
                .orElseThrow(() -> wrong("cuts texts in a way that GGUF has no name for here")));
      }
    } else if (Files.exists(pieces)) {
      sentencePiece(ByteBuffer.wrap(Files.readAllBytes(pieces)));
      metadata.put(KEY + "model", "llama");
      bos = settings.path("add_bos_token").asBoolean(true);
    } else {
      throw wrong(
          "has no byte pairs; GGUF files are written with byte-level pairs or SentencePiece");
    }
    if (tokens.size() > size) {
      throw wrong("has %d tokens, and the embedding %d rows".formatted(tokens.size(), size));
    }
    while (tokens.size() < size) {
      add("[PAD" + tokens.size() + "]", UNUSED, 0);
    }
    metadata.put(KEY + "tokens", tokens);
    metadata.put(KEY + "token_type", types);
    if ("llama".equals(metadata.get(KEY + "model"))) {
      metadata.put(KEY + "scores", scores);
      metadata.put(KEY + "add_space_prefix", settings.path("add_prefix_space").asBoolean(true));
    } else {
      metadata.put(KEY + "merges", merges(file));
    }
    metadata.put(KEY + "add_bos_token", bos);
    GgufTokenizer.SPECIAL.forEach((key, name) -> special(settings.path(name + "_token"), key));
    template(settings).ifPresent(text -> metadata.put("tokenizer.chat_template", text));
  }

  private JsonNode settings() throws IOException {
    Path file = folder.resolve("tokenizer_config.json");
    return Files.exists(file)
        ? JsonFields.MAPPER.readTree(file.toFile())
        : JsonFields.MAPPER.createObjectNode();
  }

  private InputException wrong(String why) {
    return new InputException("the tokenizer in %s %s".formatted(folder, why));
  }

  private void add(String token, int type, float score) {
    tokens.add(token);
    types.add(type);
    scores.add(score);
  }

  private void vocabulary(JsonNode file) {
    Map<Integer, String> byId = new HashMap<>();
    Map<String, Integer> added = new HashMap<>();
    file.path("model")
        .path("vocab")
        .properties()
        .forEach(e -> byId.put(e.getValue().asInt(), e.getKey()));
    for (JsonNode token : file.path("added_tokens")) {
      String content = token.path("content").asText();
      byId.put(token.path("id").asInt(), content);
      added.put(content, token.path("special").asBoolean() ? CONTROL : USER_DEFINED);
    }
    Map<String, Float> ranks = new HashMap<>();
    int rank = 0;
    for (String merge : merges(file)) {
      ranks.putIfAbsent(merge.replaceFirst("(?s)(.) ", "$1"), (float) -rank++);
    }
    String unknown = file.path("model").path("unk_token").asText("");
    int size = byId.keySet().stream().mapToInt(id -> id + 1).max().orElse(0);
    if (size > 2 * byId.size()) {
      throw wrong("has ids up to %d for %d tokens".formatted(size - 1, byId.size()));
    }
    for (int id = 0; id < size; id++) {
      String token = byId.getOrDefault(id, "[PAD" + id + "]");
      int plain = token.matches(BYTE_TOKEN) ? BYTE : NORMAL;
      int type = token.equals(unknown) ? UNKNOWN : added.getOrDefault(token, plain);
      add(token, byId.containsKey(id) ? type : UNUSED, ranks.getOrDefault(token, 0f));
    }
  }

  private static List<String> merges(JsonNode file) {
    List<String> merges = new ArrayList<>();
    for (JsonNode merge : file.path("model").path("merges")) {
      merges.add(
          merge.isArray() ? merge.path(0).asText() + " " + merge.path(1).asText() : merge.asText());
    }
    return Collections.unmodifiableList(merges);
  }

  private static boolean begins(JsonNode file) {
    List<JsonNode> processors = new ArrayList<>(List.of(file.path("post_processor")));
    file.path("post_processor").path("processors").forEach(processors::add);
    return processors.stream().anyMatch(p -> p.path("single").path(0).has("SpecialToken"));
  }

  private void special(JsonNode token, String key) {
    int id = tokens.indexOf(token.isObject() ? token.path("content").asText() : token.asText());
    if (id >= 0) {
      metadata.put(KEY + key + "_token_id", id);
    }
  }

  private Optional<String> template(JsonNode settings) throws IOException {
    Path file = folder.resolve("chat_template.jinja");
    if (Files.exists(file)) {
      return Optional.of(Files.readString(file));
    }
    JsonNode template = settings.path("chat_template");
    return template.isTextual() ? Optional.of(template.textValue()) : Optional.empty();
  }

  /** The pieces of a {@code ModelProto}; nothing else of it has a place in GGUF. */
  private void sentencePiece(ByteBuffer in) throws IOException {
    boolean pairs = false;
    try {
      while (in.hasRemaining()) {
        long tag = varint(in);
        ByteBuffer field = field(in, (int) tag & 7);
        if (tag >>> 3 == 1) {
          piece(field);
        } else if (tag >>> 3 == 2) {
          pairs = isOfPairs(field);
        }
      }
    } catch (BufferUnderflowException | IndexOutOfBoundsException e) {
      throw new IOException("tokenizer.model is broken", e);
    }
    if (!pairs) {
      throw wrong(
          "is a unigram model; GGUF files are written with byte-level pairs or SentencePiece's pairs");
    }
  }

  /** Whether the trainer's settings say so in their third field. */
  private static boolean isOfPairs(ByteBuffer in) throws IOException {
    boolean pairs = false;
    while (in.hasRemaining()) {
      long tag = varint(in);
      ByteBuffer field = field(in, (int) tag & 7);
      pairs |= tag >>> 3 == 3 && varint(field) == 2;
    }
    return pairs;
  }

  private void piece(ByteBuffer in) throws IOException {
    String text = "";
    float score = 0;
    int type = NORMAL;
    while (in.hasRemaining()) {
      long tag = varint(in);
      ByteBuffer field = field(in, (int) tag & 7);
      switch ((int) (tag >>> 3)) {
        case 1 -> text = StandardCharsets.UTF_8.decode(field).toString();
        case 2 -> score = field.getFloat();
        case 3 -> type = (int) varint(field);
        default -> {}
      }
    }
    add(text, type, score);
  }

  private static ByteBuffer field(ByteBuffer in, int wire) throws IOException {
    int start = in.position();
    int length =
        switch (wire) {
          case 0 -> {
            varint(in);
            int end = in.position();
            in.position(start);
            yield end - start;
          }
          case 1 -> Long.BYTES;
          case 2 -> {
            long bytes = varint(in);
            yield (int) Math.min(bytes, Integer.MAX_VALUE);
          }
          case 5 -> Integer.BYTES;
          default -> throw new IOException("tokenizer.model is broken");
        };
    ByteBuffer field = in.slice(in.position(), length).order(ByteOrder.LITTLE_ENDIAN);
    in.position(in.position() + length);
    return field;
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte next = in.get();
      value |= (long) (next & 0x7f) << shift;
      if (next >= 0) {
        return value;
      }
    }
  }
}

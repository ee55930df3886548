package org.tune4j.tokenizers;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tune4j.InputException;
import org.tune4j.jinja.Rendering.Span;

/** {@code tokenizer.json} with the chat template beside it. */
final class HuggingFaceTokenizerFile implements Tokenizer {
  private static final Logger LOG = LoggerFactory.getLogger(HuggingFaceTokenizerFile.class);

  private final AtomicBoolean saidTwice = new AtomicBoolean();
  private final Path file;
  private final HuggingFaceTokenizer tokenizer;
  private final RegexGuard guard;
  private final TurnEnds turnEnds;
  private final ChatTemplate template;
  private final int vocabSize;
  private final OptionalInt bosId;
  private final OptionalInt eosId;
  private final Set<Integer> stopIds;
  private final String fingerprint;

  private HuggingFaceTokenizerFile(
      Path file,
      HuggingFaceTokenizer tokenizer,
      RegexGuard guard,
      TurnEnds turnEnds,
      ChatTemplate template,
      int vocabSize,
      OptionalInt bosId,
      OptionalInt eosId,
      Set<Integer> stopIds,
      String fingerprint) {
    this.file = file;
    this.tokenizer = tokenizer;
    this.guard = guard;
    this.turnEnds = turnEnds;
    this.template = template;
    this.vocabSize = vocabSize;
    this.bosId = bosId;
    this.eosId = eosId;
    this.stopIds = Set.copyOf(stopIds);
    this.fingerprint = fingerprint;
  }

  /**
   * Reads a tokenizer.
   *
   * @param file {@code tokenizer.json}, or a Llama's SentencePiece {@code tokenizer.model}
   * @param chatTemplate null for the one beside the file
   * @param addedTokens special tokens besides the file's
   */
  static HuggingFaceTokenizerFile open(
      Path file, @Nullable Path chatTemplate, List<String> addedTokens) {
    require(file);
    NativeLibrary.unpackPrivately();
    try {
      Path folder = folder(file);
      TokenizerConfig config = TokenizerConfig.beside(folder);
      ObjectNode json = json(file, config, addedTokens);
      RegexGuard guard = RegexGuard.of(file, json);
      HuggingFaceTokenizer tokenizer =
          HuggingFaceTokenizer.newInstance(
              new ByteArrayInputStream(new ObjectMapper().writeValueAsBytes(json)),
              Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false"));
      ChatTemplate template = ChatTemplate.beside(folder, chatTemplate);
      Set<Integer> stopIds = stopIds(folder, json, template);
      return new HuggingFaceTokenizerFile(
          file,
          tokenizer,
          guard,
          TurnEnds.of(json.path("added_tokens"), stopIds),
          template,
          vocabSize(json),
          id(json, template.specialToken("bos_token")),
          stopIds.stream().mapToInt(id -> id).findFirst(),
          stopIds,
          TokenizerFingerprint.of(
              file, template.text() + config.tokenizerClass() + String.join("\n", addedTokens)));
    } catch (IOException | RuntimeException | LinkageError e) {
      if (e instanceof InputException known) {
        throw known;
      }
      NativeLibrary.requireLoaded("tokenizers", e);
      throw new InputException(
          "tokenizer %s cannot be read: %s; fetch the file again".formatted(file, firstLine(e)), e);
    }
  }

  private static void require(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          "tokenizer %s does not exist; copy the model's tokenizer.json there or set tokenizer.path"
              .formatted(file));
    }
  }

  private static Path folder(Path file) {
    Path parent = file.toAbsolutePath().getParent();
    return parent == null ? file : parent;
  }

  /** What adding tokens makes of a file. */
  static NewTokens extended(Path file, List<String> addedTokens) {
    require(file);
    try {
      ObjectNode json = json(file, TokenizerConfig.beside(folder(file)), addedTokens);
      List<Integer> ids =
          addedTokens.stream().map(token -> id(json, token).orElseThrow()).sorted().toList();
      return new NewTokens(ids, vocabSize(json), new ObjectMapper().writeValueAsString(json));
    } catch (IOException e) {
      throw new InputException(
          "tokenizer %s cannot be read: %s; fetch the file again".formatted(file, firstLine(e)), e);
    }
  }

  /** A sound {@code tokenizer.json}, with all that the files beside it say, and more tokens. */
  private static ObjectNode json(Path file, TokenizerConfig config, List<String> addedTokens)
      throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    boolean converted = SentencePieceModel.isName(file);
    JsonNode json =
        converted
            ? LlamaTokenizerJson.of(SentencePieceModel.parse(bytes), config)
            : new ObjectMapper().readTree(bytes);
    if (!(json instanceof ObjectNode object)) {
      throw new IOException("it contains no JSON object");
    }
    AddedTokens.complete(object, config, converted, addedTokens);
    TokenizerJson.check(file, object);
    return object;
  }

  private static int vocabSize(JsonNode json) {
    JsonNode vocab = json.path("model").path("vocab");
    int size = vocab.isArray() ? vocab.size() : 0;
    if (vocab.isObject()) {
      for (JsonNode id : vocab) {
        size = Math.max(size, id.asInt() + 1);
      }
    }
    for (JsonNode token : json.path("added_tokens")) {
      size = Math.max(size, token.path("id").asInt() + 1);
    }
    return size;
  }

  /** A token's id; empty where there is no token of that text. */
  private static OptionalInt id(JsonNode json, @Nullable String content) {
    if (content == null) {
      return OptionalInt.empty();
    }
    for (JsonNode token : json.path("added_tokens")) {
      if (token.path("content").asText().equals(content)) {
        return OptionalInt.of(token.path("id").asInt());
      }
    }
    JsonNode vocab = json.path("model").path("vocab");
    if (vocab.has(content)) {
      return OptionalInt.of(vocab.path(content).asInt());
    }
    // A Unigram model's are pairs of a token and its score.
    return IntStream.range(0, vocab.isArray() ? vocab.size() : 0)
        .filter(i -> vocab.get(i).path(0).asText().equals(content))
        .findFirst();
  }

  /** {@code eos_token} first, then those of {@code generation_config.json}. */
  private static Set<Integer> stopIds(Path folder, JsonNode json, ChatTemplate template)
      throws IOException {
    Set<Integer> ids = new LinkedHashSet<>();
    id(json, template.specialToken("eos_token")).ifPresent(ids::add);
    Path generation = folder.resolve("generation_config.json");
    if (Files.isRegularFile(generation)) {
      JsonNode named = new ObjectMapper().readTree(generation.toFile()).path("eos_token_id");
      if (named.isInt()) {
        ids.add(named.asInt());
      }
      named.forEach(id -> ids.add(id.asInt()));
    }
    return ids;
  }

  private static String firstLine(Throwable e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse(e.getClass().getSimpleName());
  }

  @Override
  public int[] encode(String text) {
    return ids(encoding(text, false));
  }

  private Encoding encoding(String text, boolean alone) {
    guard.check(text);
    try {
      return tokenizer.encode(text, alone, false);
    } catch (RuntimeException e) {
      throw new InputException(
          "tokenizer %s cannot encode a text: %s; fetch the file again"
              .formatted(file, firstLine(e)),
          e);
    }
  }

  /** A beginning that is written out is not added again without a word. */
  @Override
  public int[] encodeAlone(String text) {
    int[] ids = ids(encoding(text, true));
    if (bosId.isPresent()
        && ids.length > 1
        && ids[0] == bosId.getAsInt()
        && ids[1] == ids[0]
        && !saidTwice.getAndSet(true)) {
      LOG.warn(
          "a text begins with {}, and tokenizer {} adds it once more, as transformers does; leave"
              + " it out of the text",
          template.specialToken("bos_token"),
          file);
    }
    return ids;
  }

  private static int[] ids(Encoding encoding) {
    return Arrays.stream(encoding.getIds()).mapToInt(Math::toIntExact).toArray();
  }

  @Override
  public int[] encodeText(String text, boolean addEos) {
    int[] ids = encodeAlone(text);
    if (!addEos) {
      return ids;
    }
    String name = template.specialToken("eos_token");
    int[] eos = encode(name == null ? "" : name);
    if (eos.length != 1) {
      throw new InputException(
          "tokenizer %s: tokenizer_config.json beside it names no eos_token; set it, or set dataset.add_eos=false"
              .formatted(file));
    }
    if (ids.length > 0 && ids[ids.length - 1] == eos[0]) {
      return ids;
    }
    int[] ended = Arrays.copyOf(ids, ids.length + 1);
    ended[ids.length] = eos[0];
    return ended;
  }

  @Override
  public String fingerprint() {
    return fingerprint;
  }

  @Override
  public String decode(int[] ids) {
    Ids.requireInside(ids, vocabSize);
    return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), false);
  }

  @Override
  public TokenizedConversation tokenize(Conversation conversation) {
    TrainedText trained = TrainedText.of(conversation, template, turnEnds);
    Encoding encoding = encoding(trained.text(), false);
    int[] ids = ids(encoding);
    CharSpan[] at = encoding.getCharTokenSpans();
    boolean[] masked = new boolean[ids.length];
    Arrays.fill(masked, true);
    int next = 0;
    for (Span span : trained.spans()) {
      // The tokenizer counts code points.
      int from = trained.text().codePointCount(0, span.from());
      int to = trained.text().codePointCount(0, span.to());
      int first = ids.length;
      int behind = next;
      for (int i = next; i < ids.length && (at[i] == null || at[i].getStart() < to); i++) {
        if (at[i] != null && at[i].getEnd() > from) {
          first = Math.min(first, i);
          behind = i + 1;
        }
      }
      // Those between may be empty: blanks that the tokenizer trims off.
      Arrays.fill(masked, Math.min(first, behind), behind, false);
      next = behind;
    }
    return new TokenizedConversation(ids, masked, false, trained.notes());
  }

  @Override
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    return template.render(new Conversation(messages), addGenerationPrompt).text();
  }

  @Override
  public int[] prompt(List<Message> messages) {
    return encode(render(messages, true));
  }

  @Override
  public OptionalInt bosId() {
    return bosId;
  }

  @Override
  public OptionalInt eosId() {
    return eosId;
  }

  @Override
  public Set<Integer> stopIds() {
    return stopIds;
  }

  @Override
  public int vocabSize() {
    return vocabSize;
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}

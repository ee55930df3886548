package org.tune4j.tokenizers;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;

/**
 * Meta's Llama3 {@code tokenizer.model}: a line for each token, its bytes in base 64 and its rank.
 * Special tokens and the form of conversations are Llama3's.
 */
final class TiktokenFile implements Tokenizer {
  private static final int BEGIN_OF_TEXT = 128_000;
  private static final int END_OF_TEXT = 128_001;
  private static final int START_HEADER = 128_006;
  private static final int END_HEADER = 128_007;
  private static final int END_OF_MESSAGE = 128_008;
  private static final int END_OF_TURN = 128_009;
  private static final int VOCAB_SIZE = 128_256;

  /** The other special tokens up to the vocabulary's end are reserved. */
  private static final Map<Integer, String> SPECIAL =
      Map.ofEntries(
          Map.entry(BEGIN_OF_TEXT, "<|begin_of_text|>"),
          Map.entry(END_OF_TEXT, "<|end_of_text|>"),
          Map.entry(128_004, "<|finetune_right_pad_id|>"),
          Map.entry(128_005, "<|step_id|>"),
          Map.entry(START_HEADER, "<|start_header_id|>"),
          Map.entry(END_HEADER, "<|end_header_id|>"),
          Map.entry(END_OF_MESSAGE, "<|eom_id|>"),
          Map.entry(END_OF_TURN, "<|eot_id|>"),
          Map.entry(128_010, "<|python_tag|>"));

  /** How Llama3 cuts a text before bytes are joined: words, three digits, signs, blanks. */
  private static final Pattern PIECES =
      Pattern.compile(
          "(?iu:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
              + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          Pattern.UNICODE_CHARACTER_CLASS);

  private final BytePairs pairs;
  private final Map<Integer, byte[]> bytes;
  private final PromptTemplate template;
  private final @Nullable Integer maxSeqLen;
  private final String fingerprint;

  private TiktokenFile(
      Map<String, Integer> ranks,
      PromptTemplate template,
      @Nullable Integer maxSeqLen,
      String fingerprint) {
    this.pairs = new BytePairs(ranks);
    this.bytes = new HashMap<>();
    ranks.forEach((b, id) -> bytes.put(id, b.getBytes(StandardCharsets.ISO_8859_1)));
    this.template = template;
    this.maxSeqLen = maxSeqLen;
    this.fingerprint = fingerprint;
  }

  static TiktokenFile open(Path file, PromptTemplate template, @Nullable Integer maxSeqLen) {
    Map<String, Integer> ranks = new HashMap<>();
    int n = 0;
    String fingerprint;
    try {
      fingerprint = TokenizerFingerprint.of(file, template + " " + maxSeqLen);
      for (String line : Files.readAllLines(file)) {
        n++;
        if (!line.isBlank()) {
          int blank = line.indexOf(' ');
          byte[] token = Base64.getDecoder().decode(line.substring(0, blank));
          int rank = Integer.parseInt(line.substring(blank + 1).strip());
          if (rank < 0 || rank >= BEGIN_OF_TEXT) {
            throw new NumberFormatException("rank " + rank);
          }
          ranks.put(new String(token, StandardCharsets.ISO_8859_1), rank);
        }
      }
    } catch (IOException | IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new InputException(
          "tokenizer %s cannot be read: line %d is not base64 text and a rank; fetch the file again"
              .formatted(file, n),
          e);
    }
    for (int b = 0; b < 256; b++) {
      if (!ranks.containsKey(String.valueOf((char) b))) {
        throw new InputException(
            "tokenizer %s has no token for byte %d; fetch the file again".formatted(file, b));
      }
    }
    return new TiktokenFile(ranks, template, maxSeqLen, fingerprint);
  }

  @Override
  public int[] encode(String text) {
    Ids ids = new Ids();
    for (Matcher piece = PIECES.matcher(text); piece.find(); ) {
      encodePiece(SentencePieceModel.latin1(piece.group()), ids);
    }
    return ids.tokens();
  }

  private void encodePiece(String bytes, Ids ids) {
    int n = bytes.length();
    int[] end = new int[n];
    Arrays.setAll(end, i -> i + 1);
    if (pairs.rank(bytes) >= 0) {
      end[0] = n;
    } else {
      pairs.join(bytes, end, true);
    }
    for (int i = 0; i < n; i = end[i]) {
      ids.add(pairs.rank(bytes.substring(i, end[i])), true);
    }
  }

  @Override
  public int[] encodeText(String text, boolean addEos) {
    Ids ids = new Ids();
    ids.add(BEGIN_OF_TEXT, false);
    ids.add(encode(text), false);
    if (addEos) {
      ids.add(END_OF_TEXT, false);
    }
    return ids.tokens();
  }

  @Override
  public String fingerprint() {
    return fingerprint;
  }

  @Override
  public int[] encodeAlone(String text) {
    return encodeText(text, false);
  }

  @Override
  public String decode(int[] ids) {
    Ids.requireInside(ids, VOCAB_SIZE);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int id : ids) {
      byte[] token = bytes.get(id);
      out.writeBytes(
          token != null
              ? token
              : SPECIAL
                  .getOrDefault(id, "<|reserved_special_token_" + id + "|>")
                  .getBytes(StandardCharsets.UTF_8));
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  @Override
  public TokenizedConversation tokenize(Conversation conversation) {
    Ids ids = ids(template.turns(conversation));
    ids.add(END_OF_TEXT, true);
    return ids.cut(maxSeqLen, END_OF_TEXT, true).noting(PromptTemplate.unread(conversation));
  }

  /** As torchtune has it, a header is trained on where its message is. */
  private Ids ids(List<PromptTemplate.Turn> turns) {
    Ids ids = new Ids();
    ids.add(BEGIN_OF_TEXT, true);
    for (PromptTemplate.Turn turn : turns) {
      if (ids.reaches(maxSeqLen)) {
        ids.leaveOut();
        break;
      }
      header(ids, turn.role(), turn.masked());
      for (String part : turn.parts()) {
        ids.add(encode(part.strip()), turn.masked());
      }
      ids.add(END_OF_TURN, turn.masked());
    }
    return ids;
  }

  private void header(Ids ids, String role, boolean masked) {
    ids.add(START_HEADER, masked);
    ids.add(encode(role), masked);
    ids.add(END_HEADER, masked);
    ids.add(encode("\n\n"), masked);
  }

  @Override
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    return decode(addGenerationPrompt ? prompt(messages) : ids(template.turns(messages)).tokens());
  }

  @Override
  public int[] prompt(List<Message> messages) {
    Ids ids = ids(template.turns(messages));
    header(ids, "assistant", true);
    return ids.tokens();
  }

  @Override
  public OptionalInt bosId() {
    return OptionalInt.of(BEGIN_OF_TEXT);
  }

  @Override
  public OptionalInt eosId() {
    return OptionalInt.of(END_OF_TEXT);
  }

  @Override
  public Set<Integer> stopIds() {
    return Set.of(END_OF_TEXT, END_OF_TURN, END_OF_MESSAGE);
  }

  @Override
  public int vocabSize() {
    return VOCAB_SIZE;
  }

  @Override
  public void close() {}
}

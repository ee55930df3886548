package org.tune4j.tokenizers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.TuneException;

/**
 * A SentencePiece {@code tokenizer.model} and Llama2's form of conversations: BOS before each pair
 * of turns, EOS after an assistant's, the prompt template's words read as text.
 */
final class SentencePieceFile implements Tokenizer {
  /** What stands before a text whose own beginning must not be read as a word's beginning. */
  private static final String PREFIX = "\n";

  private final SentencePieces pieces;
  private final PromptTemplate template;
  private final @Nullable Integer maxSeqLen;
  private final String fingerprint;
  private final int bos;
  private final int eos;
  private final int prefixLength;
  private final boolean encodesBlanks;

  private SentencePieceFile(
      Path file,
      SentencePieces pieces,
      PromptTemplate template,
      @Nullable Integer maxSeqLen,
      String fingerprint) {
    this.pieces = pieces;
    this.template = template;
    this.maxSeqLen = maxSeqLen;
    this.fingerprint = fingerprint;
    this.bos = pieces.id("<s>").orElse(-1);
    this.eos = pieces.id("</s>").orElse(-1);
    if (bos < 0 || eos < 0) {
      throw new InputException(
          "tokenizer %s has no <s> and </s>; it is not a Llama2 tokenizer".formatted(file));
    }
    this.prefixLength = encode(PREFIX).length;
    this.encodesBlanks =
        List.of(" ", "\n", "\t", "\r", "\u000b").stream().anyMatch(c -> encode(c).length > 0);
  }

  static SentencePieceFile open(Path file, PromptTemplate template, @Nullable Integer maxSeqLen) {
    NativeLibrary.unpackPrivately();
    try {
      SentencePieces pieces =
          new SentencePieces(SentencePieceModel.parse(Files.readAllBytes(file)));
      String fingerprint = TokenizerFingerprint.of(file, template + " " + maxSeqLen);
      return new SentencePieceFile(file, pieces, template, maxSeqLen, fingerprint);
    } catch (IOException e) {
      throw new InputException(
          "tokenizer %s cannot be read: %s; fetch the file again"
              .formatted(file, TuneException.reason(e)),
          e);
    }
  }

  @Override
  public int[] encode(String text) {
    return pieces.encode(text);
  }

  @Override
  public int[] encodeText(String text, boolean addEos) {
    Ids ids = new Ids();
    ids.add(bos, false);
    ids.add(encode(text), false);
    if (addEos) {
      ids.add(eos, false);
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
    Ids.requireInside(ids, pieces.size());
    return pieces.decode(ids);
  }

  @Override
  public TokenizedConversation tokenize(Conversation conversation) {
    Ids ids = ids(template.turns(conversation));
    return ids.cut(maxSeqLen, eos, ids.lastMasked()).noting(PromptTemplate.unread(conversation));
  }

  private Ids ids(List<PromptTemplate.Turn> turns) {
    Ids ids = new Ids();
    boolean begins = true;
    boolean afterBlank = false;
    for (PromptTemplate.Turn turn : turns) {
      if (ids.reaches(maxSeqLen)) {
        ids.leaveOut();
        break;
      }
      if (begins) {
        ids.add(bos, turn.masked());
      }
      boolean continues = encodesBlanks && !begins && !afterBlank;
      for (String part : turn.parts()) {
        ids.add(encode(withoutBlanksAtEnd(part), continues), turn.masked());
        afterBlank = part.endsWith(" ");
      }
      begins = turn.role().equals("assistant");
      if (begins) {
        ids.add(eos, turn.masked());
      }
    }
    return ids;
  }

  private int[] encode(String text, boolean continues) {
    if (!continues) {
      return encode(text);
    }
    int[] ids = encode(PREFIX + text);
    return Arrays.copyOfRange(ids, Math.min(prefixLength, ids.length), ids.length);
  }

  private static String withoutBlanksAtEnd(String text) {
    int end = text.length();
    while (end > 0 && text.charAt(end - 1) == ' ') {
      end--;
    }
    return text.substring(0, end);
  }

  @Override
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    return template.turns(messages).stream()
        .map(PromptTemplate.Turn::text)
        .collect(Collectors.joining());
  }

  @Override
  public int[] prompt(List<Message> messages) {
    return ids(template.turns(messages)).tokens();
  }

  @Override
  public OptionalInt bosId() {
    return OptionalInt.of(bos);
  }

  @Override
  public OptionalInt eosId() {
    return OptionalInt.of(eos);
  }

  @Override
  public Set<Integer> stopIds() {
    return Set.of(eos);
  }

  @Override
  public int vocabSize() {
    return pieces.size();
  }

  @Override
  public void close() {}
}

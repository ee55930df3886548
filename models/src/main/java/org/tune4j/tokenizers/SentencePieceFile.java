package org.tune4j.tokenizers;

import ai.djl.sentencepiece.SpTokenizer;
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

/**
 * A SentencePiece {@code tokenizer.model} and Llama2's form of conversations: BOS before each pair
 * of turns, EOS after an assistant's, the prompt template's words read as text.
 */
final class SentencePieceFile implements Tokenizer {
  /** What stands before a text whose own beginning must not be read as a word's beginning. */
  private static final String PREFIX = "\n";

  private final SpTokenizer tokenizer;
  private final PromptTemplate template;
  private final @Nullable Integer maxSeqLen;
  private final String fingerprint;
  private final int bos;
  private final int eos;
  private final int vocabSize;
  private final int prefixLength;
  private final boolean encodesBlanks;

  private SentencePieceFile(
      Path file,
      SpTokenizer tokenizer,
      PromptTemplate template,
      @Nullable Integer maxSeqLen,
      int vocabSize,
      String fingerprint) {
    this.tokenizer = tokenizer;
    this.template = template;
    this.maxSeqLen = maxSeqLen;
    this.fingerprint = fingerprint;
    this.vocabSize = vocabSize;
    this.bos = tokenizer.getProcessor().getId("<s>");
    this.eos = tokenizer.getProcessor().getId("</s>");
    if (bos == eos) {
      throw new InputException(
          "tokenizer %s has no <s> and </s>; it is no Llama2 model's".formatted(file));
    }
    this.prefixLength = encode(PREFIX).length;
    this.encodesBlanks =
        List.of(" ", "\n", "\t", "\r", "\u000b").stream().anyMatch(c -> encode(c).length > 0);
  }

  static SentencePieceFile open(Path file, PromptTemplate template, @Nullable Integer maxSeqLen) {
    try {
      byte[] bytes = Files.readAllBytes(file);
      int vocabSize = SentencePieceModel.vocabSize(bytes);
      SpTokenizer tokenizer = new SpTokenizer(bytes);
      String fingerprint = TokenizerFingerprint.of(file, template + " " + maxSeqLen);
      return new SentencePieceFile(file, tokenizer, template, maxSeqLen, vocabSize, fingerprint);
    } catch (IOException | RuntimeException | LinkageError e) {
      if (e instanceof InputException known) {
        throw known;
      }
      NativeLibrary.requireLoaded("sentencepiece", e);
      throw new InputException(
          "tokenizer %s cannot be read: %s; fetch the file again"
              .formatted(file, String.valueOf(e.getMessage()).lines().findFirst().orElse("")),
          e);
    }
  }

  @Override
  public int[] encode(String text) {
    return text.isEmpty() ? new int[0] : tokenizer.getProcessor().encode(text);
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
    Ids.requireInside(ids, vocabSize);
    return ids.length == 0 ? "" : tokenizer.getProcessor().decode(ids);
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
    return vocabSize;
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}

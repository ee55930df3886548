package org.tune4j.tokenizers;

import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import org.tune4j.InputException;

/** Stands where there are ids and no text: they decode to their numbers, each after a blank. */
final class NoTokenizer implements Tokenizer {
  private static InputException refusal() {
    return new InputException("there is no tokenizer for text; name one in section tokenizer");
  }

  @Override
  public int[] encode(String text) {
    throw refusal();
  }

  @Override
  public int[] encodeText(String text, boolean addEos) {
    throw refusal();
  }

  @Override
  public String decode(int[] ids) {
    return Arrays.stream(ids).mapToObj(id -> " " + id).collect(Collectors.joining());
  }

  @Override
  public TokenizedConversation tokenize(Conversation conversation) {
    throw refusal();
  }

  @Override
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    throw refusal();
  }

  @Override
  public int[] prompt(List<Message> messages) {
    throw refusal();
  }

  @Override
  public OptionalInt bosId() {
    return OptionalInt.empty();
  }

  @Override
  public OptionalInt eosId() {
    return OptionalInt.empty();
  }

  @Override
  public Set<Integer> stopIds() {
    return Set.of();
  }

  @Override
  public int vocabSize() {
    return Integer.MAX_VALUE;
  }

  @Override
  public String fingerprint() {
    return "none";
  }

  @Override
  public void close() {}
}

package org.tune4j.data;

import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.tune4j.tokenizers.Conversation;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/**
 * A token a character; a text ends with token 1. Nothing of a masked message is trained on. A
 * conversation that begins with "note" has a note.
 */
final class CharacterTokenizer implements Tokenizer {
  @Override
  public int[] encode(String text) {
    return text.chars().toArray();
  }

  @Override
  public int[] encodeText(String text, boolean addEos) {
    return encode(addEos ? text + "\u0001" : text);
  }

  @Override
  public String decode(int[] ids) {
    return new String(ids, 0, ids.length);
  }

  @Override
  public TokenizedConversation tokenize(Conversation conversation) {
    List<Message> messages = conversation.messages();
    int[] ids = messages.stream().flatMapToInt(m -> m.content().chars()).toArray();
    boolean[] masked = new boolean[ids.length];
    int at = 0;
    for (Message m : messages) {
      for (int i = 0; i < m.content().length(); i++) {
        masked[at++] = m.masked();
      }
    }
    boolean notes = messages.get(0).content().equals("note");
    return new TokenizedConversation(
        ids, masked, false, notes ? Set.of("something to note") : Set.of());
  }

  @Override
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int[] prompt(List<Message> messages) {
    return messages.stream().flatMapToInt(m -> m.content().chars()).toArray();
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
    return 1 << 16;
  }

  @Override
  public String fingerprint() {
    return "characters";
  }

  @Override
  public void close() {}
}

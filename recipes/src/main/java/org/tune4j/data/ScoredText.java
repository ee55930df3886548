package org.tune4j.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/** What a classifier reads, the same in training, evaluation and answers. */
public final class ScoredText {
  private ScoredText() {}

  /**
   * {@return the ids of a text, with the token that begins one where the model has it}
   *
   * @param tokenizer of the model
   * @param text may be empty
   */
  public static int[] text(Tokenizer tokenizer, String text) {
    return tokenizer.encodeText(text, false);
  }

  /**
   * {@return the ids of a conversation; one that ends with an answer ends with the token that ends
   * its turn}
   *
   * @param tokenizer of the model
   * @param turns in their order
   */
  public static int[] conversation(Tokenizer tokenizer, List<Message> turns) {
    List<Message> masked = new ArrayList<>();
    turns.forEach(m -> masked.add(new Message(m.fields(), !isAnswer(m))));
    TokenizedConversation all = tokenizer.tokenize(masked);
    boolean answered = !turns.isEmpty() && isAnswer(turns.get(turns.size() - 1));
    return (answered ? withoutTail(all) : all).tokens();
  }

  private static boolean isAnswer(Message turn) {
    return turn.role().equals("assistant");
  }

  /** Without what follows an answer, which is of no use. */
  static TokenizedConversation withoutTail(TokenizedConversation all) {
    int end = all.tokens().length;
    while (end > 0 && all.masked()[end - 1]) {
      end--;
    }
    return new TokenizedConversation(
        Arrays.copyOf(all.tokens(), end), Arrays.copyOf(all.masked(), end), all.cut(), all.notes());
  }
}

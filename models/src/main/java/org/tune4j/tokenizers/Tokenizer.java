package org.tune4j.tokenizers;

import java.util.List;

/** A model's tokenizer and chat template. Safe for several threads. */
public interface Tokenizer extends AutoCloseable {
  /** Ids of a text; special tokens written out in it become their ids, none are added. */
  int[] encode(String text);

  /** The text of ids, special tokens written out. */
  String decode(int[] ids);

  /**
   * Renders a conversation with the model's chat template. Trained are the text of each message
   * that is not masked and the token that ends its turn; never headers, system text or the line
   * break after a turn.
   */
  TokenizedConversation tokenize(List<Message> messages);

  @Override
  void close();
}

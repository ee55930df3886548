package org.tune4j.data;

import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/** What a row says to the model. Safe for several threads. */
interface RowEncoder {
  /**
   * A row in tokens.
   *
   * @throws org.tune4j.InputException when it cannot be used; names file, row and place
   */
  TokenizedConversation encode(DataRow row, Tokenizer tokenizer);

  /** Whether it asks the tokenizer anything. */
  default boolean needsTokenizer() {
    return true;
  }

  /** All that {@link #encode} depends on but the row and the tokenizer. */
  String settings();
}

package org.tune4j.data;

import java.util.List;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/** What a row says to the model, as one row that is not rated. */
interface RowEncoder extends RowsEncoder {
  /**
   * A row in tokens.
   *
   * @throws org.tune4j.InputException when it cannot be used; names file, row and place
   */
  TokenizedConversation encode(DataRow row, Tokenizer tokenizer);

  @Override
  default List<Rated> rows(DataRow row, Tokenizer tokenizer, int maxSeqLen) {
    return List.of(new Rated(encode(row, tokenizer), Double.NaN));
  }
}

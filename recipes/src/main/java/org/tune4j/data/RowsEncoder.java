package org.tune4j.data;

import java.util.List;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/** What a row of a file says to the model: one row, or several. Safe for several threads. */
interface RowsEncoder {
  /**
   * A row in tokens.
   *
   * @param rating as {@link org.tune4j.nn.RowsAtHead#rating} has it
   */
  record Rated(TokenizedConversation tokens, double rating) {}

  /**
   * A row's rows, {@link #rowsTogether} of them.
   *
   * @param maxSeqLen tokens that will be left of each
   * @throws org.tune4j.InputException when it cannot be used; names file, row and place
   */
  List<Rated> rows(DataRow row, Tokenizer tokenizer, int maxSeqLen);

  /** How many rows a row becomes. */
  default int rowsTogether() {
    return 1;
  }

  /** Whether its rows can be packed. */
  default boolean packs() {
    return true;
  }

  /** The labels of its rows by their numbers; none where rows are not of classes. */
  default List<String> labels() {
    return List.of();
  }

  /** Whether it asks the tokenizer anything. */
  default boolean needsTokenizer() {
    return true;
  }

  /** All that {@link #rows} depends on but the row and the tokenizer. */
  String settings();
}

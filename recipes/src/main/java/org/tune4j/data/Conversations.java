package org.tune4j.data;

import java.util.List;
import java.util.function.Function;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/**
 * Rows that are conversations.
 *
 * @param messages a row's turns
 */
record Conversations(String settings, Function<DataRow, List<Message>> messages)
    implements RowEncoder {
  /**
   * With these settings.
   *
   * @param settings all that {@code messages} depends on
   */
  static Conversations of(
      String name,
      ColumnNames columns,
      Function<DataRow, List<Message>> messages,
      Object... settings) {
    return new Conversations(name + " " + columns + " " + List.of(settings), messages);
  }

  @Override
  public TokenizedConversation encode(DataRow row, Tokenizer tokenizer) {
    return tokenizer.tokenize(messages.apply(row));
  }
}

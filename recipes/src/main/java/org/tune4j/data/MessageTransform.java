package org.tune4j.data;

import java.util.List;
import org.tune4j.tokenizers.Message;

/** What a row says, as turns of a conversation. Called by several threads at once. */
public interface MessageTransform {
  /**
   * {@return a row's turns, at least one}
   *
   * @param row of any columns
   * @throws org.tune4j.InputException when the row cannot be used; see {@link DataRow#wrong}
   */
  List<Message> messages(DataRow row);

  /**
   * {@return all that {@link #messages} depends on but the row and the class itself: tokenised rows
   * are kept for as long as it is the same}
   */
  String settings();
}

package org.tune4j.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.tokenizers.Message;

/** Columns {@code input} and {@code output}: a turn of the user and a turn of the assistant. */
public final class InputOutputToMessages implements MessageTransform {
  private final ColumnNames columns;
  private final boolean trainOnInput;
  private final @Nullable String newSystemPrompt;

  /**
   * A transform of rows with these columns.
   *
   * @param columnMap the files' names of {@code input} and {@code output}; null where they are
   *     these
   * @param trainOnInput whether the user's turn is trained on too
   * @param newSystemPrompt a system turn added before each row, never trained on; null for none
   * @throws org.tune4j.UsageException when {@code columnMap} has another column
   */
  @Component(
      value = "input_output_to_messages",
      aliases = {"torchtune.data.InputOutputToMessages"})
  public InputOutputToMessages(
      @Doc("other names for columns, by their usual ones") @Nullable Map<String, String> columnMap,
      @Doc("also train on the user's turns") @Default("false") boolean trainOnInput,
      @Doc("a system turn added before each row") @Nullable String newSystemPrompt) {
    this.columns = ColumnNames.of(columnMap, "input", "output");
    this.trainOnInput = trainOnInput;
    this.newSystemPrompt = newSystemPrompt;
  }

  @Override
  public List<Message> messages(DataRow row) {
    List<Message> messages = new ArrayList<>();
    if (newSystemPrompt != null) {
      messages.add(new Message("system", newSystemPrompt, true));
    }
    messages.add(new Message("user", columns.text(row, "input"), !trainOnInput));
    messages.add(new Message("assistant", columns.text(row, "output"), false));
    return messages;
  }

  @Override
  public String settings() {
    return columns + " " + List.of(trainOnInput, String.valueOf(newSystemPrompt));
  }
}

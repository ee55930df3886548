package org.tune4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.tokenizers.Message;

/**
 * Rows of {@code instruction}, {@code input} and {@code output} (Taori et al. 2023), each a turn of
 * the user in Alpaca's words and a turn of the assistant. As in LLaMA-Factory's Alpaca layout, a
 * row may have {@code system}, the system turn, and {@code history}, earlier turns as a list of
 * pairs of question and answer, which stand as they are.
 */
public final class AlpacaDataset {
  private static final String WITHOUT_INPUT =
      """
      Below is an instruction that describes a task. Write a response that appropriately completes the request.

      ### Instruction:
      %s

      ### Response:
      """;
  private static final String WITH_INPUT =
      """
      Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.

      ### Instruction:
      %s

      ### Input:
      %s

      ### Response:
      """;

  private AlpacaDataset() {}

  /**
   * {@return rows with Alpaca's words around instruction and input}
   *
   * @param source {@code json}, {@code csv}, {@code parquet} or {@code text}; empty, or a name on
   *     the Hub, which is not fetched, where each file's ending tells
   * @param columnMap the files' names of {@code instruction}, {@code input}, {@code output}, {@code
   *     system} and {@code history}; null where they are these
   * @param trainOnInput whether the user's turns are trained on too, which the system turn never is
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} or {@code columnMap} has another name
   */
  @Component(
      value = "alpaca_dataset",
      aliases = {"torchtune.datasets.alpaca_dataset"})
  public static DatasetSpec alpaca(
      @Doc("json, csv, parquet or text; else by each file's extension") @Default("tatsu-lab/alpaca")
          String source,
      @Doc("other names for columns, by their usual ones") @Nullable Map<String, String> columnMap,
      @Doc("also train on the user's turns") @Default("true") boolean trainOnInput,
      @Inline FileOptions files) {
    ColumnNames columns =
        ColumnNames.of(columnMap, "instruction", "input", "output", "system", "history");
    return files.dataset(
        Conversations.of(
            "alpaca " + WITHOUT_INPUT + WITH_INPUT,
            columns,
            row -> messages(row, columns, trainOnInput),
            trainOnInput),
        source,
        false);
  }

  /**
   * {@return {@link #alpaca}, with the cleaned data set's name for a default}
   *
   * @param source as in {@link #alpaca}
   * @param columnMap the files' names of {@code instruction}, {@code input}, {@code output}, {@code
   *     system} and {@code history}; null where they are these
   * @param trainOnInput whether the user's turns are trained on too, which the system turn never is
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} or {@code columnMap} has another name
   */
  @Component(
      value = "alpaca_cleaned_dataset",
      aliases = {"torchtune.datasets.alpaca_cleaned_dataset"})
  public static DatasetSpec cleaned(
      @Doc("json, csv, parquet or text; else by each file's extension")
          @Default("yahma/alpaca-cleaned")
          String source,
      @Doc("other names for columns, by their usual ones") @Nullable Map<String, String> columnMap,
      @Doc("also train on the user's turns") @Default("true") boolean trainOnInput,
      @Inline FileOptions files) {
    return alpaca(source, columnMap, trainOnInput, files);
  }

  private static List<Message> messages(DataRow row, ColumnNames columns, boolean trainOnInput) {
    String instruction = columns.text(row, "instruction");
    String input = columns.optionalText(row, "input");
    String prompt =
        input == null || input.isEmpty()
            ? WITHOUT_INPUT.formatted(instruction)
            : WITH_INPUT.formatted(instruction, input);
    List<Message> messages = new ArrayList<>();
    String system = columns.optionalText(row, "system");
    if (system != null && !system.isEmpty()) {
      messages.add(new Message("system", system, true));
    }
    for (JsonNode turns : history(row, columns)) {
      messages.add(new Message("user", turns.path(0).asText(), !trainOnInput));
      messages.add(new Message("assistant", turns.path(1).asText(), false));
    }
    messages.add(new Message("user", prompt, !trainOnInput));
    messages.add(new Message("assistant", columns.text(row, "output"), false));
    return messages;
  }

  private static JsonNode history(DataRow row, ColumnNames columns) {
    DataRow.Cell cell = columns.optionalCell(row, "history");
    if (cell == null || cell.value().equals(TextNode.valueOf(""))) {
      return MissingNode.getInstance();
    }
    boolean pairs = cell.value().isArray();
    for (JsonNode turns : cell.value()) {
      pairs &= turns.size() == 2 && turns.path(0).isTextual() && turns.path(1).isTextual();
    }
    if (!pairs) {
      throw row.wrong(
          cell.place(),
          "column 'history' is %s, expected a list of pairs of question and answer"
              .formatted(DataRow.shown(cell.value())));
    }
    return cell.value();
  }
}

package org.tune4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/** Rows of a prompt, an answer, and whether that is desirable. */
public final class KtoDataset {
  private static final String PROMPT = "prompt";
  private static final String COMPLETION = "completion";
  private static final String LABEL = "label";

  private KtoDataset() {}

  /**
   * {@return answers that are desirable or not}
   *
   * <p>The completion is a text, with a prompt beside it, or a list of turns, of which the last one
   * is the answer where there is no prompt. The answers alone are trained on.
   *
   * @param source {@code json}, {@code csv}, {@code parquet} or {@code text}; empty, or a name on
   *     the Hub, which is not fetched, where each file's ending tells
   * @param columnMap the files' names of {@code prompt}, {@code completion} and {@code label}; null
   *     where they are these
   * @param newSystemPrompt a system turn that replaces the rows' own, never trained on; null to
   *     leave theirs
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} or {@code columnMap} has another name
   */
  @Component("kto_dataset")
  public static DatasetSpec kto(
      @Doc("json, csv, parquet or text; else by each file's extension") @Default("''")
          String source,
      @Doc("other names for columns, by their usual ones") @Nullable Map<String, String> columnMap,
      @Doc("a system turn that replaces the rows' own") @Nullable String newSystemPrompt,
      @Inline FileOptions files) {
    ColumnNames names = ColumnNames.of(columnMap, PROMPT, COMPLETION, LABEL);
    return files.dataset(
        new Answers(new AnswerColumns(names, PROMPT, false, newSystemPrompt)), source, false);
  }

  private record Answers(AnswerColumns columns) implements RowsEncoder {
    @Override
    public boolean packs() {
      return false;
    }

    @Override
    public String settings() {
      return "kto " + columns;
    }

    @Override
    public List<Rated> rows(DataRow row, Tokenizer tokenizer, int maxSeqLen) {
      List<Message> turns = columns.conversation(row, COMPLETION);
      TokenizedConversation answered = columns.answered(tokenizer, turns, turns.size() - 1);
      columns.requireRoom(row, COMPLETION, answered, maxSeqLen);
      return List.of(new Rated(answered, desirable(row) ? 1 : 0));
    }

    private boolean desirable(DataRow row) {
      DataRow.Cell cell = columns.names().cell(row, LABEL);
      JsonNode value = cell.value();
      return switch (value.asText()) {
        case "true", "True", "1", "1.0" -> true;
        case "false", "False", "0", "0.0" -> false;
        default ->
            throw row.wrong(
                cell.place(),
                "column '%s' is %s, expected true or false"
                    .formatted(columns.names().name(LABEL), DataRow.shown(value)));
      };
    }
  }
}

package org.tune4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.component.Requirements;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/** Rows of a text, or a conversation, and its label. */
public final class ClassificationDataset {
  private static final String TEXT = "text";
  private static final String MESSAGES = "messages";
  private static final String LABEL = "label";

  private ClassificationDataset() {}

  /**
   * {@return texts with labels}
   *
   * @param source {@code json}, {@code csv}, {@code parquet} or {@code text}; empty, or a name on
   *     the Hub, which is not fetched, where each file's ending tells
   * @param labels the names by their numbers, two or more; a row has one of them, or its number
   * @param columnMap the files' names of the columns by the usual ones; null where they are these
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} or {@code columnMap} has another name, or
   *     {@code labels} are no different names
   */
  @Component("classification_dataset")
  public static DatasetSpec classification(
      @Doc("json, csv, parquet or text; else by each file's extension") @Default("''")
          String source,
      @Doc("the labels' names by their numbers; rows have a name or a number") List<String> labels,
      @Doc("other names for columns, by their usual ones") @Nullable Map<String, String> columnMap,
      @Inline FileOptions files) {
    new Requirements()
        .that(
            labels.size() > 1 && new HashSet<>(labels).size() == labels.size(),
            "labels is %s, expected two different names or more".formatted(labels))
        .check();
    ColumnNames names = ColumnNames.of(columnMap, TEXT, MESSAGES, LABEL);
    return files.dataset(new Texts(names, List.copyOf(labels)), source, false);
  }

  /**
   * A text and its label.
   *
   * @param tokens of the text
   * @param label its number
   */
  @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
  public record Labelled(int[] tokens, int label) {}

  /**
   * {@return what a classifier reads of a row, and what it should say}
   *
   * @param row with columns as {@link #classification} has them
   * @param tokenizer of the model
   * @param labels the names by their numbers
   * @throws org.tune4j.InputException when it has no such columns, or another label; names file,
   *     row and place
   */
  public static Labelled read(DataRow row, Tokenizer tokenizer, List<String> labels) {
    return new Texts(ColumnNames.of(null, TEXT, MESSAGES, LABEL), labels).read(row, tokenizer);
  }

  private record Texts(ColumnNames names, @Override List<String> labels) implements RowsEncoder {
    @Override
    public boolean packs() {
      return false;
    }

    @Override
    public String settings() {
      return "classes " + this;
    }

    /** The last token is marked, which stands for the text. */
    @Override
    public List<Rated> rows(DataRow row, Tokenizer tokenizer, int maxSeqLen) {
      Labelled read = read(row, tokenizer);
      int length = Math.min(maxSeqLen, read.tokens.length);
      boolean[] masked = new boolean[length];
      Arrays.fill(masked, 0, Math.max(0, length - 1), true);
      boolean cut = length < read.tokens.length;
      return List.of(
          new Rated(
              new TokenizedConversation(Arrays.copyOf(read.tokens, length), masked, cut),
              read.label));
    }

    Labelled read(DataRow row, Tokenizer tokenizer) {
      int label = label(row);
      DataRow.Cell turns = names.optionalCell(row, MESSAGES);
      if (turns == null) {
        return new Labelled(ScoredText.text(tokenizer, names.text(row, TEXT)), label);
      }
      ChatRows chat = new ChatRows(ChatDataset.Style.OPENAI, names.name(MESSAGES), false, null);
      return new Labelled(ScoredText.conversation(tokenizer, chat.turns(row, turns)), label);
    }

    /** Names come before numbers: where a name is one, numbers are names. */
    private int label(DataRow row) {
      DataRow.Cell cell = names.cell(row, LABEL);
      JsonNode value = cell.value();
      int named = labels.indexOf(value.asText());
      if (named >= 0) {
        return named;
      }
      boolean numbers = labels.stream().noneMatch(name -> name.matches("\\d+"));
      int number = numbers ? value.asInt(-1) : -1;
      if (number >= 0 && number < labels.size() && value.asText().matches("\\d+(\\.0)?")) {
        return number;
      }
      throw row.wrong(
          cell.place(),
          "column '%s' is %s, expected one of %s%s"
              .formatted(
                  names.name(LABEL),
                  DataRow.shown(value),
                  String.join(", ", labels),
                  numbers ? ", or a number from 0 to " + (labels.size() - 1) : ""));
    }
  }
}

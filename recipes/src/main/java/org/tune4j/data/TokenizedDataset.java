package org.tune4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/** Rows of token ids, as Python's tools write them; no tokenizer is asked. */
public final class TokenizedDataset {
  private TokenizedDataset() {}

  /**
   * {@return rows with {@code input_ids} and, where not all tokens are trained on, {@code labels}:
   * as many, not shifted, each the id in its place or -100}
   *
   * @param source {@code json} or {@code parquet}; empty, or a name on the Hub, which is not
   *     fetched, where each file's ending tells
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} has another name, or there are no files
   */
  @Component("tokenized_dataset")
  public static DatasetSpec tokenized(
      @Doc("json or parquet; else by each file's extension") @Default("''") String source,
      @Inline FileOptions files) {
    return files.dataset(new TokenIds(), source, false);
  }

  /**
   * {@return a row as the model sees it, of one token or more}
   *
   * @param row with columns as {@link #tokenized} has them
   * @throws org.tune4j.InputException when it has no such columns; names file, row and place
   */
  public static Example example(DataRow row) {
    TokenizedConversation read = read(row);
    int[] ids = read.tokens();
    int[] labels = new int[ids.length];
    Arrays.setAll(
        labels, i -> i + 1 < ids.length && !read.masked()[i + 1] ? ids[i + 1] : Example.IGNORED);
    return new Example(ids, labels, new int[] {ids.length});
  }

  private record TokenIds() implements RowEncoder {
    @Override
    public TokenizedConversation encode(DataRow row, Tokenizer tokenizer) {
      return read(row);
    }

    @Override
    public boolean needsTokenizer() {
      return false;
    }

    @Override
    public String settings() {
      return toString();
    }
  }

  private static TokenizedConversation read(DataRow row) {
    DataRow.Cell cell = row.cell("input_ids", "expected a list of token ids");
    int[] ids = numbers(row, "input_ids", cell);
    if (ids.length == 0) {
      throw row.wrong(cell.place(), "input_ids is empty, expected one id or more");
    }
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0) {
        throw row.wrong(
            cell.place(), "input_ids[%d] is %d, expected 0 or more".formatted(i, ids[i]));
      }
    }
    requireNoPadding(row, ids.length);
    return new TokenizedConversation(ids, masked(row, ids));
  }

  private static boolean[] masked(DataRow row, int[] ids) {
    boolean[] masked = new boolean[ids.length];
    DataRow.Cell cell = row.optionalCell("labels");
    if (cell != null) {
      int[] labels = numbers(row, "labels", cell);
      requireAsMany(row, "labels", cell, labels.length, ids.length);
      for (int i = 0; i < ids.length; i++) {
        masked[i] = labels[i] == Example.IGNORED;
        if (!masked[i] && labels[i] != ids[i]) {
          throw row.wrong(
              cell.place(),
              "labels[%d] is %d, expected %d, which is input_ids[%d], or -100; labels are not shifted"
                  .formatted(i, labels[i], ids[i], i));
        }
      }
    }
    return masked;
  }

  /** Collators' mask is 0 where a row is padded, and what pads would be trained on. */
  private static void requireNoPadding(DataRow row, int length) {
    DataRow.Cell cell = row.optionalCell("attention_mask");
    if (cell != null) {
      int[] mask = numbers(row, "attention_mask", cell);
      requireAsMany(row, "attention_mask", cell, mask.length, length);
      for (int i = 0; i < length; i++) {
        if (mask[i] != 1) {
          throw row.wrong(
              cell.place(),
              "attention_mask[%d] is %d, expected 1; leave padding out of the rows"
                  .formatted(i, mask[i]));
        }
      }
    }
  }

  private static void requireAsMany(
      DataRow row, String column, DataRow.Cell cell, int found, int expected) {
    if (found != expected) {
      throw row.wrong(
          cell.place(),
          "%s has %d numbers, input_ids %d; expected as many".formatted(column, found, expected));
    }
  }

  private static int[] numbers(DataRow row, String column, DataRow.Cell cell) {
    JsonNode list = cell.value();
    if (!list.isArray()) {
      throw row.wrong(
          cell.place(),
          "column '%s' is %s, expected a list of whole numbers"
              .formatted(column, DataRow.shown(list)));
    }
    int[] numbers = new int[list.size()];
    for (int i = 0; i < numbers.length; i++) {
      JsonNode value = list.get(i);
      if (!value.isIntegralNumber() || !value.canConvertToInt()) {
        throw row.wrong(
            cell.place(),
            "%s[%d] is %s, expected a whole number of 32 bits"
                .formatted(column, i, DataRow.shown(value)));
      }
      numbers[i] = value.intValue();
    }
    return numbers;
  }
}

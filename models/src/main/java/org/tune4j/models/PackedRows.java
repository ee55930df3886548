package org.tune4j.models;

import java.util.List;
import java.util.function.IntUnaryOperator;
import org.tune4j.UsageException;

/**
 * Rows of tokens laid end to end, without padding; positions restart and attention ends with each
 * row. The arrays are not copied.
 *
 * @param tokens ids of all rows, {@code [tokens]}
 * @param rowEnds where each row ends, ascending, the last {@code tokens.length}
 * @param facts what is known of them besides
 */
@SuppressWarnings("ArrayRecordComponent") // compared by no one, and copies would cost
public record PackedRows(int[] tokens, int[] rowEnds, RowFacts facts) {
  /**
   * Checks that the rows are as many tokens as there are.
   *
   * @throws IllegalArgumentException when a row is empty, there is none, or the last does not end
   *     with the tokens
   */
  public PackedRows {
    int last = 0;
    for (int end : rowEnds) {
      if (end <= last) {
        throw new IllegalArgumentException("rowEnds does not ascend at " + end);
      }
      last = end;
    }
    if (last != tokens.length || last == 0) {
      throw new IllegalArgumentException(
          "rowEnds ends at %d, there are %d tokens; expected both equal and above 0"
              .formatted(last, tokens.length));
    }
  }

  /**
   * Rows of which nothing is known besides.
   *
   * @param tokens ids of all rows
   * @param rowEnds where each row ends
   * @throws IllegalArgumentException as the canonical constructor does
   */
  public PackedRows(int[] tokens, int[] rowEnds) {
    this(tokens, rowEnds, RowFacts.NONE);
  }

  /**
   * {@return one row}
   *
   * @param tokens its ids, one or more; not copied
   */
  public static PackedRows of(int... tokens) {
    return new PackedRows(tokens, new int[] {tokens.length});
  }

  /**
   * {@return rows laid end to end}
   *
   * @param rows ids of one or more rows, each of one or more; copied
   */
  public static PackedRows of(List<int[]> rows) {
    int[] ends = new int[rows.size()];
    int total = 0;
    for (int i = 0; i < ends.length; i++) {
      total += rows.get(i).length;
      ends[i] = total;
    }
    int[] tokens = new int[total];
    int start = 0;
    for (int[] row : rows) {
      System.arraycopy(row, 0, tokens, start, row.length);
      start += row.length;
    }
    return new PackedRows(tokens, ends);
  }

  /** Each token's position in its row, which begins at {@code start} of the row's index. */
  int[] positions(IntUnaryOperator start) {
    int[] positions = new int[tokens.length];
    int t = 0;
    for (int row = 0; row < rowEnds.length; row++) {
      for (int position = start.applyAsInt(row); t < rowEnds[row]; t++) {
        positions[t] = position++;
      }
    }
    return positions;
  }

  /** The length of the longest row. */
  int longest() {
    int longest = 0;
    int start = 0;
    for (int end : rowEnds) {
      longest = Math.max(longest, end - start);
      start = end;
    }
    return longest;
  }

  void check(DecoderConfig config) {
    if (longest() > config.maxSeqLen()) {
      throw new UsageException(
          "a row has %d tokens, the model takes %d; set tokenizer.max_seq_len"
              .formatted(longest(), config.maxSeqLen()));
    }
    checkIds(config);
  }

  void checkIds(DecoderConfig config) {
    for (int i = 0; i < tokens.length; i++) {
      if (tokens[i] < 0 || tokens[i] >= config.vocabSize()) {
        throw new UsageException(
            "token %d has id %d, the model's vocabulary has %d; the tokenizer belongs to another model"
                .formatted(i, tokens[i], config.vocabSize()));
      }
    }
  }
}

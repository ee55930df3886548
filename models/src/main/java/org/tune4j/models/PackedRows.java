package org.tune4j.models;

import org.tune4j.UsageException;

/**
 * Rows of tokens laid end to end, without padding; positions restart and attention ends with each
 * row. The arrays are not copied.
 *
 * @param tokens ids of all rows, {@code [tokens]}
 * @param rowEnds where each row ends, ascending, the last {@code tokens.length}
 */
@SuppressWarnings("ArrayRecordComponent") // compared by no one, and copies would cost
public record PackedRows(int[] tokens, int[] rowEnds) {
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

  /** One row. */
  public static PackedRows of(int... tokens) {
    return new PackedRows(tokens, new int[] {tokens.length});
  }

  /** The length of the longest row. */
  public int longest() {
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
    for (int i = 0; i < tokens.length; i++) {
      if (tokens[i] < 0 || tokens[i] >= config.vocabSize()) {
        throw new UsageException(
            "token %d has id %d, the model's vocabulary has %d; the tokenizer is another model's"
                .formatted(i, tokens[i], config.vocabSize()));
      }
    }
  }
}

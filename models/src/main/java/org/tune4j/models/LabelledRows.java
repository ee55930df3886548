package org.tune4j.models;

import java.util.Arrays;
import org.tune4j.UsageException;

/**
 * Rows and the positions of theirs that have a label.
 *
 * @param rows all tokens
 * @param positions which of them have a label, ascending, {@code [labels]}
 * @param targets the labels, {@code [labels]}
 * @param ends where each row's labels end, {@code [rows]}
 */
@SuppressWarnings("ArrayRecordComponent") // compared by no one, and copies would cost
record LabelledRows(PackedRows rows, int[] positions, int[] targets, int[] ends) {
  static LabelledRows of(PackedRows rows, int[] labels, int vocabSize) {
    if (labels.length != rows.tokens().length) {
      throw new IllegalArgumentException(
          "there are %d labels for %d tokens".formatted(labels.length, rows.tokens().length));
    }
    int[] positions = new int[labels.length];
    int[] ends = new int[rows.rowEnds().length];
    int n = 0;
    int i = 0;
    for (int row = 0; row < ends.length; row++) {
      for (; i < rows.rowEnds()[row]; i++) {
        if (labels[i] == Decoder.IGNORED) {
          continue;
        }
        if (labels[i] < 0 || labels[i] >= vocabSize) {
          throw new UsageException(
              "label %d is %d, expected %d or an id below %d"
                  .formatted(i, labels[i], Decoder.IGNORED, vocabSize));
        }
        positions[n++] = i;
      }
      ends[row] = n;
    }
    int[] trained = Arrays.copyOf(positions, n);
    int[] targets = Arrays.stream(trained).map(at -> labels[at]).toArray();
    return new LabelledRows(rows, trained, targets, ends);
  }

  boolean isEmpty() {
    return targets.length == 0;
  }

  /** The first label of a row. */
  int start(int row) {
    return row == 0 ? 0 : ends[row - 1];
  }
}

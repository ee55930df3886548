package org.tune4j.models;

import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.tune4j.UsageException;

/**
 * Rows and the positions of theirs that reach the head: those that have a label, and of some rows
 * the others that a token follows.
 *
 * @param rows all tokens
 * @param positions which of them reach the head, ascending, {@code [n]}
 * @param targets what follows each, {@code [n]}
 * @param segments {@code 2 row} where that is a label, {@code 2 row + 1} where it is none, {@code
 *     [n]}
 */
@SuppressWarnings("ArrayRecordComponent") // compared by no one, and copies would cost
record LabelledRows(PackedRows rows, int[] positions, int[] targets, int[] segments) {
  static LabelledRows of(PackedRows rows, int[] labels, int outputs, IntPredicate needsPrompt) {
    if (labels.length != rows.tokens().length) {
      throw new IllegalArgumentException(
          "there are %d labels for %d tokens".formatted(labels.length, rows.tokens().length));
    }
    int[] positions = new int[labels.length];
    int[] targets = new int[labels.length];
    int[] segments = new int[labels.length];
    int n = 0;
    int i = 0;
    for (int row = 0; row < rows.rowEnds().length; row++) {
      boolean prompt = needsPrompt.test(row);
      for (int end = rows.rowEnds()[row]; i < end; i++) {
        boolean labelled = labels[i] != Decoder.IGNORED;
        if (labelled && (labels[i] < 0 || labels[i] >= outputs)) {
          throw new UsageException(
              "label %d is %d, expected %d or an id below %d"
                  .formatted(i, labels[i], Decoder.IGNORED, outputs));
        }
        if (labelled || (prompt && i + 1 < end)) {
          positions[n] = i;
          targets[n] = labelled ? labels[i] : rows.tokens()[i + 1];
          segments[n++] = 2 * row + (labelled ? 0 : 1);
        }
      }
    }
    return new LabelledRows(
        rows, Arrays.copyOf(positions, n), Arrays.copyOf(targets, n), Arrays.copyOf(segments, n));
  }

  /** Whether there is no label. */
  boolean isEmpty() {
    return Arrays.stream(segments).noneMatch(LabelledRows::isLabel);
  }

  /** How many labels each row has, {@code [rows]}. */
  long[] labelsOfRows() {
    long[] counts = new long[rows.rowEnds().length];
    Arrays.stream(segments).filter(LabelledRows::isLabel).forEach(s -> counts[s / 2]++);
    return counts;
  }

  /** Whether a segment's targets are labels. */
  static boolean isLabel(int segment) {
    return segment % 2 == 0;
  }

  /** Which of so many positions have a label, counted from the first of them. */
  int[] labelled(int start, int length) {
    return IntStream.range(0, length).filter(i -> isLabel(segments[start + i])).toArray();
  }

  /** The labels of a row. */
  int[] labels(int row) {
    return IntStream.range(0, targets.length)
        .filter(i -> segments[i] == 2 * row)
        .map(i -> targets[i])
        .toArray();
  }

  /** The values of positions that have a label, {@code [rows][labels]}. */
  double[][] byRow(double[] ofPositions) {
    double[][] byRow = new double[rows.rowEnds().length][];
    for (int row = 0; row < byRow.length; row++) {
      int segment = 2 * row;
      byRow[row] =
          IntStream.range(0, segments.length)
              .filter(i -> segments[i] == segment)
              .mapToDouble(i -> ofPositions[i])
              .toArray();
    }
    return byRow;
  }

  /**
   * The values of each row's labels.
   *
   * @param ofLabels those of the first row, then those of the second, and so on
   */
  double[][] split(double[] ofLabels) {
    double[][] byRow = new double[rows.rowEnds().length][];
    int from = 0;
    for (int row = 0; row < byRow.length; row++) {
      int to = from + labels(row).length;
      byRow[row] = Arrays.copyOfRange(ofLabels, from, to);
      from = to;
    }
    return byRow;
  }

  /**
   * What {@link #byRow} takes, of what it returns; 0 where there is no label.
   *
   * @throws IllegalArgumentException when there are not as many values as labels
   */
  double[] byPosition(double[][] ofLabels) {
    double[] all = new double[segments.length];
    int[] taken = new int[ofLabels.length];
    for (int i = 0; i < segments.length; i++) {
      if (isLabel(segments[i])) {
        int row = segments[i] / 2;
        all[i] = ofLabels[row][taken[row]++];
      }
    }
    for (int row = 0; row < taken.length; row++) {
      if (taken[row] != ofLabels[row].length) {
        throw new IllegalArgumentException(
            "row %d has %d weights for %d labels".formatted(row, ofLabels[row].length, taken[row]));
      }
    }
    return all;
  }

  /** Where the stretch of one segment ends that begins at a position; at most at {@code limit}. */
  int end(int from, int limit) {
    int end = from;
    while (end < limit && segments[end] == segments[from]) {
      end++;
    }
    return end;
  }
}

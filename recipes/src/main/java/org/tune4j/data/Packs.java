package org.tune4j.data;

import java.util.Arrays;

/**
 * Where packs begin and end among the tokens of rows laid end to end. In one pass and in the rows'
 * order, so that a pack is one stretch of the file and the same rows give the same packs.
 */
final class Packs {
  private Packs() {}

  /** A pack takes rows for as long as the next one fits. */
  static long[] ofWholeRows(RowStore rows, Split.Range part, int maxSeqLen) {
    long[] bounds = new long[16];
    int n = 0;
    bounds[n++] = rows.start(part.from());
    for (int row = part.from(); row < part.to(); row++) {
      if (rows.start(row + 1) - bounds[n - 1] > maxSeqLen) {
        if (n == bounds.length - 1) {
          bounds = Arrays.copyOf(bounds, n * 2);
        }
        bounds[n++] = rows.start(row);
      }
    }
    bounds[n++] = rows.start(part.to());
    return Arrays.copyOf(bounds, n);
  }

  /** Every pack but the last is full; rows go on in the next. */
  static long[] full(long from, long to, int maxSeqLen) {
    int packs = Math.toIntExact((to - from + maxSeqLen - 1) / maxSeqLen);
    long[] bounds = new long[packs + 1];
    for (int i = 0; i < packs; i++) {
      bounds[i] = from + (long) i * maxSeqLen;
    }
    bounds[packs] = to;
    return bounds;
  }
}

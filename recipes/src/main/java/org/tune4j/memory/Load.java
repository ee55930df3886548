package org.tune4j.memory;

import java.util.Arrays;
import java.util.List;

/**
 * A micro-batch, as far as memory depends on it.
 *
 * @param rows a row its parts' lengths in tokens: one unless it is packed
 */
public record Load(List<List<Integer>> rows) {
  public Load {
    rows = rows.stream().map(List::copyOf).toList();
  }

  /** So many rows of one part of this length. */
  public static Load of(int rows, int tokens) {
    Integer[] all = new Integer[rows];
    Arrays.fill(all, tokens);
    return new Load(Arrays.stream(all).map(List::of).toList());
  }

  /** All of them. */
  public long tokens() {
    return rows.stream().flatMap(List::stream).mapToLong(t -> t).sum();
  }

  /** The longest part. */
  public int longest() {
    return rows.stream().flatMap(List::stream).mapToInt(t -> t).max().orElse(0);
  }

  /** The first half of the rows, one at least. */
  Load half() {
    return new Load(rows.subList(0, Math.max(1, rows.size() / 2)));
  }

  /** Every part cut in the middle. */
  Load cut() {
    return new Load(
        rows.stream().map(r -> r.stream().map(t -> Math.max(1, t / 2)).toList()).toList());
  }
}

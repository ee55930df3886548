package org.tune4j.memory;

import java.util.Arrays;
import java.util.List;

/**
 * A micro-batch, as far as memory depends on it.
 *
 * @param rows a row its parts' lengths in tokens: one unless it is packed
 */
public record Load(List<List<Integer>> rows) {
  /** Copies the lists. */
  public Load {
    rows = rows.stream().map(List::copyOf).toList();
  }

  /**
   * {@return so many rows of one part each}
   *
   * @param rows how many
   * @param tokens of each
   */
  public static Load of(int rows, int tokens) {
    Integer[] all = new Integer[rows];
    Arrays.fill(all, tokens);
    return new Load(Arrays.stream(all).map(List::of).toList());
  }

  /** {@return tokens of all rows} */
  public long tokens() {
    return rows.stream().flatMap(List::stream).mapToLong(t -> t).sum();
  }

  /** {@return tokens of the longest part; 0 where there is none} */
  int longest() {
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

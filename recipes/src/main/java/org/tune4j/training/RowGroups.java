package org.tune4j.training;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Deals rows to groups of about equal work; the same rows always give the same groups. */
final class RowGroups {
  private RowGroups() {}

  /**
   * Longest row first, each to the group with the least so far (Graham 1969); rows of a group stay
   * in their order, and no group is empty.
   *
   * @param lengths tokens of each row
   * @param groups how many groups at most
   */
  static List<List<Integer>> balance(int[] lengths, int groups) {
    int n = Math.min(groups, lengths.length);
    List<List<Integer>> out = new ArrayList<>();
    for (int g = 0; g < n; g++) {
      out.add(new ArrayList<>());
    }
    long[] load = new long[n];
    IntStream.range(0, lengths.length)
        .boxed()
        .sorted(Comparator.<Integer>comparingInt(i -> -lengths[i]).thenComparingInt(i -> i))
        .forEach(
            i -> {
              int least = 0;
              for (int g = 1; g < n; g++) {
                if (load[g] < load[least]) {
                  least = g;
                }
              }
              load[least] += lengths[i];
              out.get(least).add(i);
            });
    out.forEach(rows -> rows.sort(Comparator.naturalOrder()));
    return out;
  }

  /**
   * The same of rows that belong together, which go to the same group.
   *
   * @param together how many consecutive rows do, from 1
   */
  static List<List<Integer>> balance(int[] lengths, int together, int groups) {
    int[] units = new int[lengths.length / together];
    for (int i = 0; i < units.length * together; i++) {
      units[i / together] += lengths[i];
    }
    return balance(units, groups).stream()
        .map(
            group ->
                group.stream()
                    .flatMap(u -> IntStream.range(u * together, (u + 1) * together).boxed())
                    .toList())
        .toList();
  }
}

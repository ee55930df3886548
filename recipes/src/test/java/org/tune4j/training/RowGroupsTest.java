package org.tune4j.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RowGroupsTest {
  @Test
  void balance_fourRowsTwoGroups_longestAlone() {
    assertEquals(
        List.of(List.of(1), List.of(0, 2, 3)), RowGroups.balance(new int[] {10, 31, 9, 11}, 2));
  }

  @Test
  void balance_pairs_keepsThemTogether() {
    assertEquals(
        List.of(List.of(2, 3), List.of(0, 1, 4, 5)),
        RowGroups.balance(new int[] {4, 5, 20, 1, 3, 3}, 2, 2));
  }

  @Test
  void balance_fewerRowsThanGroups_oneRowEach() {
    assertEquals(List.of(List.of(0)), RowGroups.balance(new int[] {5}, 4));
  }

  @Test
  void balance_randomRows_everyRowOnceAndNoGroupALongestRowOverTheMean() {
    long seed = 7;
    Random random = new Random(seed);
    for (int round = 0; round < 200; round++) {
      int[] lengths = random.ints(1 + random.nextInt(12), 1, 400).toArray();
      int groups = 1 + random.nextInt(4);
      List<List<Integer>> dealt = RowGroups.balance(lengths, groups);
      int[] seen = dealt.stream().flatMap(List::stream).mapToInt(i -> i).sorted().toArray();
      assertEquals(
          IntStream.range(0, lengths.length).boxed().toList(),
          IntStream.of(seen).boxed().toList(),
          "seed " + seed);
      int total = IntStream.of(lengths).sum();
      int longest = IntStream.of(lengths).max().orElseThrow();
      for (List<Integer> rows : dealt) {
        int load = rows.stream().mapToInt(i -> lengths[i]).sum();
        assertTrue(load <= (double) total / dealt.size() + longest, "seed " + seed);
        assertTrue(!rows.isEmpty());
      }
    }
  }
}

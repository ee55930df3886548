package org.tune4j.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class RankSliceTest {
  @Test
  void of_rowsAlone_isEverySoManyth() {
    assertEquals(List.of(1, 3), RankSlice.of(List.of(0, 1, 2, 3, 4), 1, 1, 2));
  }

  @Test
  void of_pairs_keepsThemTogether() {
    List<Integer> rows = List.of(0, 1, 2, 3, 4, 5);
    assertEquals(List.of(0, 1, 4, 5), RankSlice.of(rows, 2, 0, 2));
    assertEquals(List.of(2, 3), RankSlice.of(rows, 2, 1, 2));
  }
}

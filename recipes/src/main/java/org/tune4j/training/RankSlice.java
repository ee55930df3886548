package org.tune4j.training;

import java.util.List;
import java.util.stream.IntStream;

/** What a rank takes of something that all ranks hold: every so-many-th. */
public final class RankSlice {
  private RankSlice() {}

  /**
   * {@return those of a rank, beginning with its own number's}
   *
   * @param all that the ranks hold
   * @param together how many consecutive ones go to the same rank, from 1
   * @param rank from 0
   * @param ranks how many there are
   * @param <T> what they are
   */
  public static <T> List<T> of(List<T> all, int together, int rank, int ranks) {
    return IntStream.range(0, all.size())
        .filter(i -> i / together % ranks == rank)
        .<T>mapToObj(all::get)
        .toList();
  }
}

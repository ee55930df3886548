package org.tune4j.collective;

/**
 * Which elements of {@code [n]} a rank has: all ranks have equally many, rounded up, so that the
 * last ones may have fewer or none.
 *
 * @param start the first
 * @param length how many
 */
public record ShardRange(long start, long length) {
  /**
   * {@return a rank's range}
   *
   * @param elements of all ranks together
   * @param rank from 0
   * @param worldSize how many ranks
   */
  public static ShardRange of(long elements, int rank, int worldSize) {
    long each = longest(elements, worldSize);
    long start = Math.min(elements, rank * each);
    return new ShardRange(start, Math.min(elements, start + each) - start);
  }

  /**
   * {@return how many elements rank 0 has, which no rank exceeds}
   *
   * @param elements of all ranks together
   * @param worldSize how many ranks
   */
  public static long longest(long elements, int worldSize) {
    return (elements + worldSize - 1) / worldSize;
  }
}

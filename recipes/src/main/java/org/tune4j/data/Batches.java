package org.tune4j.data;

import java.util.ArrayList;
import java.util.List;
import org.tune4j.tensor.RandomBits;

/**
 * Which rows each step takes. The order of an epoch is a function of seed and epoch alone, so that
 * any step can be found again.
 *
 * @param rows how many rows there are
 * @param size rows of a step; the last step of an epoch may have fewer
 */
public record Batches(int rows, int size, boolean shuffle, long seed) {
  /** Steps of an epoch. */
  public long perEpoch() {
    return ((long) rows + size - 1) / size;
  }

  /** The rows of a step. */
  public List<Integer> of(int epoch, int step) {
    return order(epoch).subList(step * size, Math.min(rows, (step + 1) * size));
  }

  /** Fisher and Yates' shuffle. */
  private List<Integer> order(int epoch) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      order.add(i);
    }
    if (shuffle) {
      long own = RandomBits.bits(seed, epoch);
      for (int i = rows - 1; i > 0; i--) {
        int j = (int) Long.remainderUnsigned(RandomBits.bits(own, i), i + 1L);
        order.set(i, order.set(j, order.get(i)));
      }
    }
    return order;
  }
}

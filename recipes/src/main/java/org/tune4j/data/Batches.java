package org.tune4j.data;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.tune4j.tensor.RandomBits;

/**
 * Which rows each step takes. The order of an epoch is a function of seed and epoch alone, so that
 * any step can be found again. Used by one thread.
 */
public final class Batches {
  private final int units;
  private final int unitsPerStep;
  private final int together;
  private final boolean shuffle;
  private final long seed;
  private int epoch = -1;
  private int[] order = {};

  /**
   * Steps over so many rows.
   *
   * @param rows how many there are
   * @param rowsPerStep rows of a step, from 1; the last step of an epoch may have fewer
   * @param shuffle whether each epoch has an order of its own; else rows come in theirs
   * @param seed what the orders are a function of, with the epoch
   */
  public Batches(int rows, int rowsPerStep, boolean shuffle, long seed) {
    this(rows, 1, rowsPerStep, shuffle, seed);
  }

  /**
   * The same of rows that belong together, such as pairs, and stay so.
   *
   * @param rows how many there are, a multiple of {@code together}
   * @param together how many consecutive rows belong together, from 1
   * @param perStep pairs, or what they are, of a step, from 1
   * @param shuffle whether each epoch has an order of its own
   * @param seed what the orders are a function of, with the epoch
   */
  public Batches(int rows, int together, int perStep, boolean shuffle, long seed) {
    this.units = rows / together;
    this.unitsPerStep = perStep;
    this.together = together;
    this.shuffle = shuffle;
    this.seed = seed;
  }

  /** {@return steps of an epoch} */
  public long perEpoch() {
    return ((long) units + unitsPerStep - 1) / unitsPerStep;
  }

  /**
   * {@return the rows of a step, by their numbers from 0}
   *
   * @param epoch from 0
   * @param step in its epoch, from 0 to below {@link #perEpoch}
   */
  public List<Integer> of(int epoch, long step) {
    if (epoch != this.epoch) {
      order = order(epoch);
      this.epoch = epoch;
    }
    int from = Math.toIntExact(step * unitsPerStep);
    return Arrays.stream(order, from, Math.min(units, from + unitsPerStep))
        .flatMap(unit -> IntStream.range(unit * together, (unit + 1) * together))
        .boxed()
        .toList();
  }

  /** Fisher and Yates' shuffle. */
  private int[] order(int epoch) {
    int[] order = IntStream.range(0, units).toArray();
    if (shuffle) {
      long own = RandomBits.bits(seed, epoch);
      for (int i = units - 1; i > 0; i--) {
        int j = (int) Long.remainderUnsigned(RandomBits.bits(own, i), i + 1L);
        int swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
      }
    }
    return order;
  }
}

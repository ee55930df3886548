package org.tune4j.curves;

/**
 * One metric of one run, as it was when asked for: the run may grow meanwhile.
 *
 * @param x ascending; longer than {@code size}
 * @param y NaN where a step has no such value; longer than {@code size}
 */
@SuppressWarnings("ArrayRecordComponent") // never compared, never changed
record Series(double[] x, double[] y, int size) {
  static final Series EMPTY = new Series(new double[0], new double[0], 0);

  /** Whether the step's value can be drawn. */
  boolean drawn(int i) {
    return Double.isFinite(y[i]);
  }

  /**
   * An exponential moving average with Adam's correction of the first values, which would otherwise
   * be drawn towards 0. Steps without a value are left out.
   *
   * @param weight of what was before, from 0 (nothing is smoothed) to below 1
   */
  Series smoothed(double weight) {
    if (weight == 0) {
      return this;
    }
    double[] smooth = new double[size];
    double mean = 0;
    double left = 1;
    for (int i = 0; i < size; i++) {
      if (drawn(i)) {
        mean = weight * mean + (1 - weight) * y[i];
        left *= weight;
        smooth[i] = mean / (1 - left);
      } else {
        smooth[i] = Double.NaN;
      }
    }
    return new Series(x, smooth, size);
  }

  /** The first index whose x is not below {@code bound}. */
  int firstFrom(double bound) {
    int low = 0;
    int high = size;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (x[middle] < bound) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

package org.tune4j.curves;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * A run's numbers by name, in columns of equal length; steps ascend. A row whose step is not above
 * the last one takes the place of all rows from that step on: a resumed run's later lines win.
 *
 * <p>What {@link #series} gave out is never written again.
 */
final class MetricColumns {
  /** A file that is no run's would otherwise make a column of every name in it. */
  private static final int MOST = 64;

  private static final int START = 256;

  private final Map<String, double[]> columns = new LinkedHashMap<>();
  private double[] steps = new double[START];
  private double[] tokens = new double[START];
  private double[] seconds = new double[START];
  private int size;
  private long notFinite = -1;

  int size() {
    return size;
  }

  Set<String> names() {
    return new LinkedHashSet<>(columns.keySet());
  }

  /** The last step, 0 where there is none. */
  long lastStep() {
    return size == 0 ? 0 : (long) steps[size - 1];
  }

  /** The last step's value, NaN where it has none. */
  double last(String name) {
    double[] column = columns.get(name);
    return size == 0 || column == null ? Double.NaN : column[size - 1];
  }

  /** The first step whose loss is NaN or infinite, -1 where there is none. */
  long notFinite() {
    return notFinite;
  }

  Series series(String name, XAxis axis) {
    double[] y = columns.get(name);
    return y == null ? Series.EMPTY : new Series(x(axis), y, size);
  }

  private double[] x(XAxis axis) {
    return switch (axis) {
      case STEP -> steps;
      case TOKENS -> tokens;
      case SECONDS -> seconds;
    };
  }

  /** Makes room for a row, without values. */
  void begin() {
    if (size == steps.length) {
      resize(size + (size >> 1));
    }
    for (double[] column : columns.values()) {
      column[size] = Double.NaN;
    }
  }

  /** A value of the row that was begun. */
  void set(String name, double value) {
    double[] column = columns.get(name);
    if (column == null) {
      if (columns.size() == MOST) {
        return;
      }
      column = new double[steps.length];
      Arrays.fill(column, 0, size, Double.NaN);
      columns.put(name, column);
    }
    column[size] = value;
  }

  /** The row that was begun is whole, and of this step. */
  void end(long step, boolean lossIsFinite) {
    if (size > 0 && step <= steps[size - 1]) {
      goBack(step);
    }
    steps[size] = step;
    tokens[size] = sum(tokens, "tokens");
    seconds[size] = sum(seconds, "seconds");
    if (!lossIsFinite && notFinite < 0) {
      notFinite = step;
    }
    size++;
  }

  private double sum(double[] sums, String name) {
    double[] column = columns.get(name);
    double before = size == 0 ? 0 : sums[size - 1];
    return column == null || !(column[size] > 0) ? before : before + column[size];
  }

  private void goBack(long step) {
    int row = size;
    int kept = new Series(steps, steps, size).firstFrom((double) step);
    resize(steps.length); // what was given out stays as it was
    columns.values().forEach(c -> c[kept] = c[row]);
    size = kept;
    if (notFinite >= step) {
      notFinite = -1;
    }
  }

  private void resize(int length) {
    steps = Arrays.copyOf(steps, length);
    tokens = Arrays.copyOf(tokens, length);
    seconds = Arrays.copyOf(seconds, length);
    columns.replaceAll((name, column) -> Arrays.copyOf(column, length));
  }
}

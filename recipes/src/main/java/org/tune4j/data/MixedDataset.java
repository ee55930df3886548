package org.tune4j.data;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;

/** Several data sets as one: one after the other, or mixed by weight. */
final class MixedDataset implements Dataset {
  private static final int LONGEST = 1 << 28;

  private final List<Dataset> parts;
  private final int[] starts;
  private final int[] order;
  private final String fingerprint;

  private MixedDataset(List<Dataset> parts, int[] order, String fingerprint) {
    this.parts = parts;
    this.starts = starts(parts.stream().mapToInt(Dataset::size).toArray());
    this.order = order;
    this.fingerprint = fingerprint;
  }

  static MixedDataset of(List<Dataset> parts, @Nullable List<Double> weights) {
    int[] sizes = parts.stream().mapToInt(Dataset::size).toArray();
    int[] order =
        weights == null
            ? IntStream.range(0, Math.toIntExact(Arrays.stream(sizes).asLongStream().sum()))
                .toArray()
            : mix(sizes, parts.stream().mapToInt(Dataset::rowsTogether).toArray(), weights);
    Fingerprint print = Fingerprint.start().text("mixed").text(String.valueOf(weights));
    parts.forEach(p -> print.text(p.fingerprint()));
    return new MixedDataset(List.copyOf(parts), order, print.end());
  }

  /**
   * The data sets' examples in turns, evenly: whoever lags most behind its weight is next. It ends
   * when every example was there; those of data sets that were through before come again.
   *
   * @param together how many examples of each are taken at once
   */
  private static int[] mix(int[] sizes, int[] together, List<Double> weights) {
    int[] starts = starts(sizes);
    long[] taken = new long[sizes.length];
    int left = sizes.length;
    IntStream.Builder order = IntStream.builder();
    for (long k = 0; left > 0; k++) {
      if (k > LONGEST) {
        throw new UsageException(
            "dataset.weights %s ask for more than %d examples an epoch so that none is left out; bring them closer to the data sets' sizes"
                .formatted(weights, LONGEST));
      }
      int next = 0;
      for (int i = 1; i < sizes.length; i++) {
        if ((taken[i] + 1) / weights.get(i) < (taken[next] + 1) / weights.get(next)) {
          next = i;
        }
      }
      for (int i = 0; i < together[next]; i++) {
        order.add(starts[next] + (int) (taken[next]++ % sizes[next]));
      }
      left -= taken[next] == sizes[next] ? 1 : 0;
    }
    return order.build().toArray();
  }

  private static int[] starts(int[] sizes) {
    int[] starts = new int[sizes.length];
    for (int i = 1; i < sizes.length; i++) {
      starts[i] = Math.addExact(starts[i - 1], sizes[i - 1]);
    }
    return starts;
  }

  @Override
  public int size() {
    return order.length;
  }

  @Override
  public int rowsTogether() {
    return parts.stream().mapToInt(Dataset::rowsTogether).max().orElseThrow();
  }

  @Override
  public Example get(int index) {
    int at = order[index];
    int part = partOf(at);
    return parts.get(part).get(at - starts[part]);
  }

  private int partOf(int at) {
    int found = Arrays.binarySearch(starts, at);
    return found >= 0 ? found : -found - 2;
  }

  @Override
  public String fingerprint() {
    return fingerprint;
  }

  /** Of the data sets themselves, and how many examples come again within an epoch. */
  @Override
  public DatasetReport report() {
    DatasetReport all =
        parts.stream().map(Dataset::report).reduce(DatasetReport::plus).orElseThrow();
    return all.repeating(order.length - parts.stream().mapToLong(Dataset::size).sum());
  }

  @Override
  public IntStream rowLengths() {
    return parts.stream().flatMapToInt(Dataset::rowLengths);
  }
}

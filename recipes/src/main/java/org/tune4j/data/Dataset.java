package org.tune4j.data;

import java.util.List;
import java.util.stream.IntStream;

/** Examples by their index, read when asked for. Never changes while it is open. */
public interface Dataset {
  /** Examples in memory. */
  static Dataset of(List<Example> examples) {
    return new ListedDataset(List.copyOf(examples));
  }

  /** How many examples there are. */
  int size();

  /**
   * Reads one.
   *
   * @param index from 0
   */
  Example get(int index);

  /**
   * The same for two data sets only if they hold the same examples in the same order, on any
   * machine: what a resumed run compares.
   */
  String fingerprint();

  /** What became of the rows. */
  DatasetReport report();

  /** How many tokens each row has, a pack's rows one by one. */
  IntStream rowLengths();
}

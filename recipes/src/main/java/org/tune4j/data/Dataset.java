package org.tune4j.data;

import java.util.List;
import java.util.stream.IntStream;

/** Examples by their index, read when asked for. Never changes while it is open. */
public interface Dataset {
  /**
   * {@return examples in memory}
   *
   * @param examples in order
   */
  static Dataset of(List<Example> examples) {
    return new ListedDataset(List.copyOf(examples));
  }

  /** {@return how many examples there are} */
  int size();

  /** {@return how many consecutive examples belong together, such as 2 of pairs} */
  default int rowsTogether() {
    return 1;
  }

  /**
   * {@return one example}
   *
   * @param index from 0
   */
  Example get(int index);

  /**
   * {@return the same for two data sets only if they hold the same examples in the same order, on
   * any machine: what a resumed run compares}
   */
  String fingerprint();

  /** {@return what became of the rows} */
  DatasetReport report();

  /** {@return how many tokens each row has, a pack's rows one by one} */
  IntStream rowLengths();
}

package org.tune4j.training;

import java.util.List;
import org.tune4j.data.Example;

/** The mean loss over the label tokens of rows that are not trained on. */
public final class Validation {
  private final List<Example> data;
  private final int batchSize;

  /** Over these rows, so many at a time. */
  public Validation(List<Example> data, int batchSize) {
    this.data = data;
    this.batchSize = batchSize;
  }

  /** Runs all rows forward, in order; adapters and optimiser stay as they are. */
  public double loss(RowsOverThreads rows) {
    double sum = 0;
    long labels = 0;
    for (int from = 0; from < data.size(); from += batchSize) {
      List<Example> batch = data.subList(from, Math.min(data.size(), from + batchSize));
      sum += rows.loss(TrainStep.rowsOf(batch));
      labels += batch.stream().mapToLong(Example::labelCount).sum();
    }
    return sum / Math.max(1, labels);
  }
}

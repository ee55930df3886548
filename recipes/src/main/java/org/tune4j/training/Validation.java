package org.tune4j.training;

import java.util.List;
import java.util.stream.IntStream;
import org.tune4j.data.Dataset;
import org.tune4j.data.Example;

/** The mean loss over the label tokens of rows that are not trained on. */
public final class Validation {
  private final Dataset data;
  private final int batchSize;

  /** Over these rows, so many at a time. */
  public Validation(Dataset data, int batchSize) {
    this.data = data;
    this.batchSize = batchSize;
  }

  /** Runs all rows forward, in order; adapters and optimiser stay as they are. */
  public double loss(RowsOverThreads rows) {
    double sum = 0;
    long labels = 0;
    for (int from = 0; from < data.size(); from += batchSize) {
      List<Example> batch =
          IntStream.range(from, Math.min(data.size(), from + batchSize))
              .mapToObj(data::get)
              .toList();
      sum += rows.loss(TrainStep.rowsOf(batch));
      labels += batch.stream().mapToLong(Example::labelCount).sum();
    }
    return sum / Math.max(1, labels);
  }
}

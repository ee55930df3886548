package org.tune4j.training;

import java.util.List;
import java.util.stream.IntStream;
import org.tune4j.InputException;
import org.tune4j.TrainingException;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Dataset;
import org.tune4j.data.Example;
import org.tune4j.nn.Objective;

/** The mean loss of rows that are not trained on. */
public final class Validation {
  private final Dataset data;
  private final int batchSize;
  private final long count;

  /**
   * Over these rows, so many at a time.
   *
   * @param data may be empty, where no loss is asked for
   * @param batchSize rows of a forward pass, or pairs where the objective takes pairs, from 1
   * @param objective whose mean it is
   * @throws InputException when there are rows, but no token of them counts
   */
  public Validation(Dataset data, int batchSize, Objective objective) {
    this.data = data;
    this.batchSize = batchSize * objective.rowsTogether();
    long labels =
        IntStream.range(0, data.size()).mapToObj(data::get).mapToLong(Example::labelCount).sum();
    if (data.size() > 0 && labels == 0) {
      throw new InputException(
          "dataset_val: no token of its %d rows counts, so that every loss would be 0; raise tokenizer.max_seq_len or give other rows"
              .formatted(data.size()));
    }
    this.count = objective.count(data.size(), labels);
  }

  /**
   * {@return the same loss of several ranks, each of which runs every so-many-th batch}
   *
   * @param rows runs them through this rank's model
   * @param ranks all of which ask this
   * @throws TrainingException when a loss is not finite, on the rank that has it; names the rows
   */
  public double loss(RowsOverThreads rows, ProcessGroup ranks) {
    return ranks.sum(sum(rows, ranks.rank(), ranks.worldSize())) / count;
  }

  /**
   * Runs all rows forward, in order; adapters and optimiser stay as they are.
   *
   * @param rows runs them through the model
   * @return the mean
   * @throws TrainingException when the loss is not finite; names the rows
   */
  public double loss(RowsOverThreads rows) {
    return sum(rows, 0, 1) / count;
  }

  /** The sum of the losses of every so-many-th batch. */
  private double sum(RowsOverThreads rows, int first, int every) {
    double sum = 0;
    for (int all = 0; all < data.size(); all += every * batchSize) {
      int from = Math.min(data.size(), all + first * batchSize); // past the last: an idle pass
      List<Example> batch =
          IntStream.range(from, Math.min(data.size(), from + batchSize))
              .mapToObj(data::get)
              .toList();
      double loss = rows.evaluate(batch).loss();
      if (!Double.isFinite(loss)) {
        throw new TrainingException(
            "the validation loss of rows %d to %d of dataset_val is %s; look at these rows, lower optimizer.lr, or use dtype=fp32"
                .formatted(from + 1, from + batch.size(), loss));
      }
      sum += loss;
    }
    return sum;
  }
}

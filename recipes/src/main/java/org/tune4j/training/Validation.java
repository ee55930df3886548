package org.tune4j.training;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.tune4j.InputException;
import org.tune4j.TrainingException;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Dataset;
import org.tune4j.data.Example;
import org.tune4j.nn.Objective;

/** The mean loss and metrics of rows that are not trained on. */
public final class Validation {
  private final Dataset data;
  private final int batchSize;
  private final Objective objective;
  private final long count;

  /**
   * What it gave.
   *
   * @param loss the mean
   * @param metrics what the objective tells besides, by name
   */
  public record Outcome(double loss, Map<String, Double> metrics) {}

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
    this.objective = objective;
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
   * Runs all rows forward, in order, each rank every so-many-th batch; adapters and optimiser stay
   * as they are.
   *
   * @param rows runs them through this rank's model
   * @param ranks all of which ask this
   * @return the means
   * @throws TrainingException when a loss is not finite, on the rank that has it; names the rows
   */
  public Outcome run(RowsOverThreads rows, ProcessGroup ranks) {
    Objective.Sums own = sums(rows, ranks);
    Objective.Sums all = RankedBatch.sums(own, objective, ranks);
    return new Outcome(all.loss() / count, objective.means(all.metrics(), count));
  }

  private Objective.Sums sums(RowsOverThreads rows, ProcessGroup ranks) {
    ProcessGroup alone = ProcessGroup.alone(ranks.engine());
    Objective.Sums sums = Objective.Sums.ZERO;
    for (int all = 0; all < data.size(); all += ranks.worldSize() * batchSize) {
      int from = Math.min(data.size(), all + ranks.rank() * batchSize); // past the last: idle
      List<Example> batch =
          IntStream.range(from, Math.min(data.size(), from + batchSize))
              .mapToObj(data::get)
              .toList();
      Objective own = objective.of(new RankedBatch(batch, rows, alone));
      Objective.Sums some = rows.evaluate(own, batch);
      if (!Double.isFinite(some.loss())) {
        throw new TrainingException(
            "the validation loss of rows %d to %d of dataset_val is %s; look at these rows, lower optimizer.lr, or use dtype=fp32"
                .formatted(from + 1, from + batch.size(), some.loss()));
      }
      sums = sums.plus(some);
    }
    return sums;
  }
}

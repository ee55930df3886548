package org.tune4j.rollouts;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.tune4j.data.Example;
import org.tune4j.models.RowFacts;
import org.tune4j.nn.Objective;
import org.tune4j.nn.RowsAtHead;
import org.tune4j.training.RowsOverThreads;
import org.tune4j.training.TrainedModel;

/** Gives answers what their tokens' log-probabilities are before the first of several updates. */
public final class EarlierLogProbabilities implements AutoCloseable {
  private final int rowsAtOnce;
  private final List<double[]> found = new ArrayList<>();
  private final RowsOverThreads runner;

  /**
   * Of a model as it is whenever {@link Rollouts#sample} is called.
   *
   * @param model with weights
   * @param threads that divide rows
   * @param rowsAtOnce rows of a pass
   * @param chunkTokens labels whose logits exist at once
   * @param temperature that logits are divided by
   */
  public EarlierLogProbabilities(
      TrainedModel model, int threads, int rowsAtOnce, int chunkTokens, double temperature) {
    this.rowsAtOnce = rowsAtOnce;
    this.runner = model.rows(threads, new Into(chunkTokens, temperature, found));
  }

  /** The same rows, which know them. */
  List<Example> known(List<Example> rows) {
    found.clear();
    rows.forEach(r -> found.add(new double[0]));
    for (int from = 0; from < rows.size(); from += rowsAtOnce) {
      Objective.Sums unused =
          runner.evaluate(
              IntStream.range(from, Math.min(rows.size(), from + rowsAtOnce))
                  .mapToObj(i -> Example.rated(rows.get(i).tokens(), rows.get(i).labels(), i))
                  .toList());
    }
    return IntStream.range(0, rows.size()).mapToObj(i -> with(rows.get(i), found.get(i))).toList();
  }

  private static Example with(Example row, double[] earlier) {
    RowFacts facts = new RowFacts(row.facts().ratings(), row.facts().reference(), earlier);
    return new Example(row.tokens(), row.labels(), row.rowEnds(), facts);
  }

  @Override
  public void close() {
    runner.close();
  }

  /** Writes each row's log-probabilities to the place that its rating names. */
  private record Into(int chunkTokens, double temperature, List<double[]> all)
      implements Objective {
    @Override
    public long count(long rows, long labelTokens) {
      return rows;
    }

    @Override
    public Sums evaluate(RowsAtHead rows) {
      double[][] some = rows.labelLogProbabilities(temperature);
      for (int i = 0; i < some.length; i++) {
        all.set((int) rows.rating(i), some[i]);
      }
      return Sums.ZERO;
    }
  }
}

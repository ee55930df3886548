package org.tune4j.training;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Example;
import org.tune4j.nn.MicroBatch;
import org.tune4j.nn.Objective;

/**
 * A micro-batch whose rows the ranks share.
 *
 * @param examples of all ranks
 * @param runner runs rows through this rank's model
 * @param ranks all of which ask the same of it
 */
record RankedBatch(List<Example> examples, RowsOverThreads runner, ProcessGroup ranks)
    implements MicroBatch {
  @Override
  public List<Row> rows() {
    return examples.stream()
        .map(
            e ->
                new Row(
                    e.tokens(),
                    e.labels(),
                    e.facts().ratings().length == 0 ? Double.NaN : e.facts().ratings()[0]))
        .toList();
  }

  @Override
  public int longest() {
    return runner.longest();
  }

  @Override
  public Objective.Sums evaluate(List<Row> rows, Objective objective) {
    List<Example> own =
        RankSlice.of(rows, objective.rowsTogether(), ranks.rank(), ranks.worldSize()).stream()
            .map(r -> Example.rated(r.tokens(), r.labels(), r.rating()))
            .toList();
    return sums(runner.evaluate(objective, own), objective, ranks);
  }

  /** Adds up over the ranks, of which some may have had no rows. */
  static Objective.Sums sums(Objective.Sums own, Objective objective, ProcessGroup ranks) {
    List<String> metrics = objective.metrics();
    if (!metrics.containsAll(own.metrics().keySet())) {
      throw new IllegalStateException(
          "the objective gives the metrics %s, expected only those that its metrics() names: %s"
              .formatted(own.metrics().keySet(), metrics));
    }
    double[] values = new double[1 + metrics.size()];
    values[0] = own.loss();
    for (int i = 0; i < metrics.size(); i++) {
      values[1 + i] = own.metrics().getOrDefault(metrics.get(i), 0.0);
    }
    double[] sums = ranks.sums(values);
    Map<String, Double> all = new LinkedHashMap<>();
    for (int i = 0; i < metrics.size(); i++) {
      all.put(metrics.get(i), sums[1 + i]);
    }
    return new Objective.Sums(sums[0], all);
  }

  /** The objectives of a step's micro-batches. */
  static List<Objective> objectives(
      List<Example> examples, int microBatch, RowsOverThreads runner, ProcessGroup ranks) {
    int together = Math.multiplyExact(microBatch, ranks.worldSize());
    List<Objective> each = new ArrayList<>();
    for (int from = 0; from < examples.size(); from += together) {
      List<Example> some = examples.subList(from, Math.min(examples.size(), from + together));
      each.add(runner.objective().of(new RankedBatch(some, runner, ranks)));
    }
    return each;
  }
}

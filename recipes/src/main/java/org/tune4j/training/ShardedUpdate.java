package org.tune4j.training;

import java.util.List;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Example;
import org.tune4j.nn.Objective;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.TensorScope;

/**
 * Each rank updates its shards. Weights are gathered by all ranks together, so that all make as
 * many passes; those without rows idle.
 */
final class ShardedUpdate extends Update {
  private final TrainedModel model;

  ShardedUpdate(
      ProcessGroup ranks,
      TrainedModel model,
      Optimizer optimizer,
      RowsOverThreads rows,
      TrainingOptions options) {
    super(ranks, model.trained(), optimizer, rows, options);
    this.model = model;
  }

  @Override
  Made make(StepRows step, double lr) {
    try (TensorScope scope = engine.openScope()) {
      Gradients shards = new Gradients(engine, trained);
      TrainedModel.ShardSink gradients =
          model.sink(
              shards,
              loss -> {
                if (!Double.isFinite(loss)) {
                  throw step.notFinite("loss", loss, step.ownIndices());
                }
              });
      Objective.Sums sums = Objective.Sums.ZERO;
      List<Objective> objectives = objectives(step);
      int own = step.own().size();
      for (int pass = 0; pass < objectives.size(); pass++) {
        int from = Math.min(own, pass * microBatch());
        int to = Math.min(own, from + microBatch());
        long dropout = RandomBits.bits(seed(step), from);
        List<Example> some = step.own().subList(from, to);
        sums = sums.plus(rows.forwardBackward(objectives.get(pass), some, dropout, gradients));
      }
      gradients.finish();
      sums = overRanks(sums);
      Gradients.Mean mean = shards.mean(step.count(), options.maxNorm(), ranks);
      if (!Double.isFinite(mean.norm())) {
        throw step.notFinite("gradient", mean.norm(), step.indices());
      }
      optimizer.step(mean.gradients(), lr);
      return new Made(sums, mean.norm(), gradients.withoutGradient());
    }
  }
}

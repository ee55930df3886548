package org.tune4j.training;

import java.util.List;
import java.util.Map;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Example;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.TensorScope;

/** Every rank has all gradients and makes the same update. */
final class WholeUpdate extends Update {
  WholeUpdate(
      ProcessGroup ranks,
      Map<String, Parameter> trained,
      Optimizer optimizer,
      RowsOverThreads rows,
      TrainingOptions options) {
    super(ranks, trained, optimizer, rows, options);
  }

  @Override
  Made make(StepRows step, double lr) {
    try (TensorScope scope = engine.openScope()) {
      Gradients gradients = new Gradients(engine, trained);
      BucketExchange exchange = new BucketExchange(ranks, gradients, scope);
      Objective.Sums sums = Objective.Sums.ZERO;
      List<Objective> objectives = objectives(step);
      int own = step.own().size();
      for (int from = 0; from < own; from += microBatch()) {
        int to = Math.min(own, from + microBatch());
        List<Example> some = step.own().subList(from, to);
        Objective objective = objectives.get(from / microBatch());
        long dropout = RandomBits.bits(seed(step), from);
        Objective.Sums more =
            ranks.worldSize() > 1 && to == own
                ? rows.forwardBackward(objective, some, dropout, exchange)
                : rows.forwardBackward(objective, some, dropout, gradients);
        if (!Double.isFinite(more.loss())) {
          throw step.notFinite("loss", more.loss(), step.ownIndices().subList(from, to));
        }
        sums = sums.plus(more);
      }
      exchange.finish();
      sums = overRanks(sums);
      Gradients.Mean mean = gradients.mean(step.count(), options.maxNorm());
      if (!Double.isFinite(mean.norm())) {
        throw step.notFinite("gradient", mean.norm(), step.indices());
      }
      optimizer.step(mean.gradients(), lr);
      return new Made(sums, mean.norm(), gradients.missing().stream().map(names::get).toList());
    }
  }
}

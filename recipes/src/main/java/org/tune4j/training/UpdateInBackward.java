package org.tune4j.training;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.optim.Chunks;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Updates each parameter as soon as its gradient is whole, so that no two layers' exist at once.
 * Takes one micro-batch and does not clip.
 */
final class UpdateInBackward extends Update {
  UpdateInBackward(
      ProcessGroup ranks,
      Map<String, Parameter> trained,
      Optimizer optimizer,
      RowsOverThreads rows,
      TrainingOptions options) {
    super(ranks, trained, optimizer, rows, options);
  }

  @Override
  Made make(StepRows step, double lr) {
    Updating updating = new Updating(step, lr);
    optimizer.setUpdates(optimizer.updates() + 1);
    Objective objective = rows.objective().of(new RankedBatch(step.all(), rows, ranks));
    Objective.Sums sums = rows.forwardBackward(objective, step.own(), seed(step), updating);
    return new Made(
        overRanks(sums),
        Math.sqrt(updating.squares),
        updating.missing.stream().map(p -> names.get(trained.indexOf(p))).toList());
  }

  private final class Updating implements Pass.GradientSink {
    private final StepRows step;
    private final double lr;
    private final Set<Parameter> missing = new LinkedHashSet<>(trained);
    private double squares;

    Updating(StepRows step, double lr) {
      this.step = step;
      this.lr = lr;
    }

    @Override
    public void loss(double sum) {
      if (!Double.isFinite(sum)) {
        optimizer.setUpdates(optimizer.updates() - 1);
        throw step.notFinite("loss", sum, step.ownIndices());
      }
    }

    @Override
    public void take(Parameter parameter, Tensor gradient) {
      missing.remove(parameter);
      update(parameter, gradient);
    }

    @Override
    public void without(Parameter parameter) {
      if (ranks.worldSize() > 1) { // the others may have one
        try (TensorScope scope = engine.openScope()) {
          update(parameter, engine.zeros(parameter.dtype(), parameter.shape()));
        }
      }
    }

    private void update(Parameter parameter, Tensor gradient) {
      try (TensorScope scope = engine.openScope();
          Engine.NoGradient off = engine.noGradient()) {
        Tensor mean = engine.zeros(parameter.dtype(), gradient.shape());
        double square = divide(ofAllRanks(gradient), (double) step.count(), mean);
        if (!Double.isFinite(square)) {
          boolean first = missing.size() + 1 == trained.size();
          throw step.notFinite("gradient", square, step.indices(), !first);
        }
        squares += square;
        optimizer.update(trained.indexOf(parameter), mean, lr);
      }
    }

    private Tensor ofAllRanks(Tensor gradient) {
      if (ranks.worldSize() == 1) {
        return gradient;
      }
      Tensor sum = Chunks.copy(Gradients.widen(gradient));
      ranks.allReduce(sum).await();
      return sum;
    }
  }

  /** Writes {@code sum / count} to {@code mean} and returns the sum of its squares. */
  private static double divide(Tensor sum, double count, Tensor mean) {
    double[] squares = {0};
    Chunks.forEach(
        List.of(sum, mean),
        t -> {
          Tensor wide = Gradients.widen(t.get(0)).mul(1 / count);
          squares[0] += Gradients.square(wide);
          t.get(1).copyFrom(wide);
        });
    return squares[0];
  }
}

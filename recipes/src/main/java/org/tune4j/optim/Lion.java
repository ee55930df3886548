package org.tune4j.optim;

import java.util.List;
import java.util.Map;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.Tensor;

/**
 * Lion (Chen et al. 2023), as {@code lion_pytorch} has it: every element moves by the learning
 * rate, in the direction of the sign of {@code beta1 m + (1 - beta1) g}. The mean {@code m} has the
 * parameters' type, arithmetic is fp32 or wider.
 *
 * @param lr learning rate before the schedule's factor
 * @param betas how much of the mean is in the direction, and in the next mean
 * @param weightDecay decoupled: a part of each parameter, times the learning rate, is taken off it
 */
public record Lion(double lr, List<Double> betas, double weightDecay) implements Optimizer.Spec {
  /** Brings every number of fp32 but 0 to where tanh is 1 or -1, in two steps. */
  private static final double STEEP = 1e38;

  /**
   * Checks the numbers.
   *
   * @param lr from 0 to 10
   * @param betas two numbers from 0 to below 1
   * @param weightDecay from 0 to 1000
   * @throws org.tune4j.UsageException with all that are out of bounds
   */
  @Component(
      value = "lion",
      aliases = {"lion_pytorch.Lion", "bitsandbytes.optim.Lion", "lion_32bit"})
  public Lion(
      @Doc("learning rate before the schedule's factor") @Default("1e-4") double lr,
      @Doc("part of the mean in the direction, and in the next mean") @Default("[0.9, 0.99]")
          List<Double> betas,
      @Doc("decoupled weight decay") @Default("0.0") double weightDecay) {
    Hyperparameters.of("lion").lr(lr, 10).betas(betas).weightDecay(weightDecay, 1000).check();
    this.lr = lr;
    this.betas = List.copyOf(betas);
    this.weightDecay = weightDecay;
  }

  @Override
  public Map<String, Kept> kept(Parameter parameter) {
    return Map.of("exp_avg", Kept.like(parameter));
  }

  @Override
  public Optimizer create(List<Parameter> parameters) {
    return new State(parameters);
  }

  private final class State extends CountedOptimizer {
    State(List<Parameter> parameters) {
      super(Lion.this, parameters);
    }

    @Override
    public void update(int parameter, Tensor gradient, double lr) {
      Chunks.forEach(
          List.of(value(parameter), gradient, state(parameter, "exp_avg")),
          t -> {
            Tensor g = wide(t.get(1));
            Tensor m = wide(t.get(2));
            double beta1 = betas.get(0);
            double beta2 = betas.get(1);
            Tensor sign = m.mul(beta1).add(g.mul(1 - beta1)).mul(STEEP).mul(STEEP).tanh();
            t.get(0).copyFrom(wide(t.get(0)).mul(1 - lr * weightDecay).sub(sign.mul(lr)));
            t.get(2).copyFrom(m.mul(beta2).add(g.mul(1 - beta2)));
          });
    }
  }
}

package org.tune4j.optim;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.Tensor;

/**
 * Stochastic gradient descent with momentum and L2 weight decay, as {@code torch.optim.SGD} has it:
 * {@code g += weightDecay p; v = momentum v + g; p -= lr v}, the first {@code v} being {@code g}.
 * Nesterov's is {@code p -= lr (g + momentum v)}. The momentum has the parameters' type, arithmetic
 * is fp32 or wider.
 *
 * @param lr learning rate before the schedule's factor
 * @param momentum part of the last update that is carried over; 0 keeps no state
 * @param weightDecay L2 penalty, added to the gradient
 * @param nesterov whether the gradient is taken where the momentum leads
 */
public record Sgd(double lr, double momentum, double weightDecay, boolean nesterov)
    implements Optimizer.Spec {
  /**
   * Checks the numbers.
   *
   * @param lr from 0 to 1000
   * @param momentum from 0 to below 1
   * @param weightDecay from 0 to 10
   * @param nesterov takes a momentum above 0
   * @throws org.tune4j.UsageException with all that are out of bounds
   */
  @Component(
      value = "sgd",
      aliases = {"torch.optim.SGD"})
  public Sgd(
      @Doc("learning rate before the schedule's factor") @Default("1e-3") double lr,
      @Doc("part of the last update that is carried over; 0 keeps no state") @Default("0.0")
          double momentum,
      @Doc("L2 penalty, added to the gradient") @Default("0.0") double weightDecay,
      @Doc("Nesterov's momentum") @Default("false") boolean nesterov) {
    Hyperparameters.of("sgd")
        .lr(lr, 1000)
        .that(
            momentum >= 0 && momentum < 1, "momentum is %s, expected in [0, 1)".formatted(momentum))
        .weightDecay(weightDecay, 10)
        .that(!nesterov || momentum > 0, "nesterov takes a momentum above 0")
        .check();
    this.lr = lr;
    this.momentum = momentum;
    this.weightDecay = weightDecay;
    this.nesterov = nesterov;
  }

  @Override
  public Map<String, Kept> kept(Parameter parameter) {
    return momentum > 0 ? Map.of("momentum_buffer", Kept.like(parameter)) : Map.of();
  }

  @Override
  public Optimizer create(List<Parameter> parameters) {
    return new State(parameters);
  }

  private final class State extends CountedOptimizer {
    State(List<Parameter> parameters) {
      super(Sgd.this, parameters);
    }

    @Override
    public void update(int parameter, Tensor gradient, double lr) {
      Tensor value = value(parameter);
      if (momentum > 0) {
        Chunks.forEach(
            List.of(value, gradient, state(parameter, "momentum_buffer")),
            t -> update(t.get(0), t.get(1), t.get(2), lr));
      } else {
        Chunks.forEach(List.of(value, gradient), t -> update(t.get(0), t.get(1), null, lr));
      }
    }

    private void update(Tensor value, Tensor gradient, @Nullable Tensor velocity, double lr) {
      Tensor p = wide(value);
      Tensor g = wide(gradient);
      if (weightDecay > 0) {
        g = g.add(p.mul(weightDecay));
      }
      if (velocity != null) {
        // Zeros times the momentum leave the first gradient as it is.
        Tensor v = wide(velocity).mul(momentum).add(g);
        velocity.copyFrom(v);
        g = nesterov ? g.add(v.mul(momentum)) : v;
      }
      value.copyFrom(p.sub(g.mul(lr)));
    }
  }
}

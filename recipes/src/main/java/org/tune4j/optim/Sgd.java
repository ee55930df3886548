package org.tune4j.optim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/**
 * Stochastic gradient descent with momentum and L2 weight decay, as {@code torch.optim.SGD} has it:
 * {@code g += weightDecay p; v = momentum v + g; p -= lr v}, the first {@code v} being {@code g}.
 * The momentum has the parameters' type, arithmetic is fp32 or wider.
 *
 * @param lr learning rate before the schedule's factor
 * @param momentum part of the last update that is carried over; 0 keeps no state
 * @param weightDecay L2 penalty, added to the gradient
 */
public record Sgd(double lr, double momentum, double weightDecay) implements Optimizer.Spec {
  /**
   * Checks the numbers.
   *
   * @param lr from 0 to 1000
   * @param momentum from 0 to below 1
   * @param weightDecay from 0 to 10
   * @throws org.tune4j.UsageException with all that are out of bounds
   */
  @Component(
      value = "sgd",
      aliases = {"torch.optim.SGD"})
  public Sgd(
      @Doc("learning rate before the schedule's factor") @Default("1e-3") double lr,
      @Doc("part of the last update that is carried over; 0 keeps no state") @Default("0.0")
          double momentum,
      @Doc("L2 penalty, added to the gradient") @Default("0.0") double weightDecay) {
    new Requirements()
        .that(lr >= 0 && lr <= 1000, "sgd: lr is %s, expected between 0 and 1000".formatted(lr))
        .that(
            momentum >= 0 && momentum < 1,
            "sgd: momentum is %s, expected in [0, 1)".formatted(momentum))
        .that(
            weightDecay >= 0 && weightDecay <= 10,
            "sgd: weight_decay is %s, expected between 0 and 10".formatted(weightDecay))
        .check();
    this.lr = lr;
    this.momentum = momentum;
    this.weightDecay = weightDecay;
  }

  @Override
  public int moments() {
    return momentum > 0 ? 1 : 0;
  }

  @Override
  public Optimizer create(List<Parameter> parameters) {
    return new State(parameters);
  }

  private final class State implements Optimizer {
    private final List<Tensor> values = new ArrayList<>();
    private final List<Tensor> velocities = new ArrayList<>();
    private long updates;

    State(List<Parameter> parameters) {
      for (Parameter p : parameters) {
        Tensor value = p.tensor();
        values.add(value);
        if (momentum > 0) {
          velocities.add(value.engine().zeros(value.dtype(), value.shape()));
        }
      }
    }

    @Override
    public void update(int parameter, Tensor gradient, double lr) {
      Tensor value = values.get(parameter);
      if (momentum > 0) {
        Chunks.forEach(
            List.of(value, gradient, velocities.get(parameter)),
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
        g = wide(velocity).mul(momentum).add(g);
        velocity.copyFrom(g);
      }
      value.copyFrom(p.sub(g.mul(lr)));
    }

    private static Tensor wide(Tensor t) {
      return t.dtype() == DType.FP32 || t.dtype() == DType.FP64 ? t : t.cast(DType.FP32);
    }

    @Override
    public long updates() {
      return updates;
    }

    @Override
    public void setUpdates(long updates) {
      this.updates = updates;
    }

    @Override
    public Map<String, List<Tensor>> state() {
      return momentum > 0 ? Map.of("momentum_buffer", velocities) : Map.of();
    }
  }
}

package org.tune4j.optim;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.Tensor;

/**
 * AdamW without a schedule (Defazio et al. 2024), as {@code schedulefree.AdamWScheduleFree} has it.
 * Gradients are taken at {@code y}, between the point {@code z} that moves and the average {@code
 * x} of the points so far. Evaluated and saved is {@code x}; a checkpoint has {@code y} too.
 *
 * @param lr learning rate before the schedule's factor; a constant schedule is meant
 * @param betas how near {@code y} is to the average, and the decay of the second moment
 * @param eps added to the root of the second moment
 * @param weightDecay decoupled, at {@code y}
 * @param warmupSteps updates over which the learning rate rises to {@code lr}
 * @param r power of an update's number in its weight in the average
 * @param weightLrPower power of the largest learning rate so far in that weight
 */
public record ScheduleFreeAdamW(
    double lr,
    List<Double> betas,
    double eps,
    double weightDecay,
    int warmupSteps,
    double r,
    double weightLrPower)
    implements Optimizer.Spec {
  /**
   * Checks the numbers.
   *
   * @param lr from 0 to 10
   * @param betas two numbers below 1, the first above 0
   * @param eps between 0 and 1, neither of them
   * @param weightDecay from 0 to 10
   * @param warmupSteps 0 or more
   * @param r 0 or more
   * @param weightLrPower 0 or more
   * @throws org.tune4j.UsageException with all that are out of bounds
   */
  @Component(
      value = "schedule_free_adamw",
      aliases = {"schedulefree.AdamWScheduleFree"})
  public ScheduleFreeAdamW(
      @Doc("learning rate; give no lr_scheduler with it") @Default("0.0025") double lr,
      @Doc("part of the average where gradients are taken, decay of the second moment")
          @Default("[0.9, 0.999]")
          List<Double> betas,
      @Doc("added to the root of the second moment") @Default("1e-8") double eps,
      @Doc("decoupled weight decay") @Default("0.0") double weightDecay,
      @Doc("updates over which the learning rate rises") @Default("0") int warmupSteps,
      @Doc("power of an update's number in its weight in the average") @Default("0.0") double r,
      @Doc("power of the learning rate in that weight") @Default("2.0") double weightLrPower) {
    Hyperparameters.of("schedule_free_adamw")
        .lr(lr, 10)
        .that(
            Hyperparameters.areTwoBelowOne(betas) && betas.get(0) > 0,
            "betas is %s, expected two numbers in [0, 1), the first above 0".formatted(betas))
        .eps(eps)
        .weightDecay(weightDecay, 10)
        .that(
            warmupSteps >= 0 && r >= 0 && weightLrPower >= 0,
            "warmup_steps, r and weight_lr_power are %d, %s and %s, expected 0 or more"
                .formatted(warmupSteps, r, weightLrPower))
        .check();
    this.lr = lr;
    this.betas = List.copyOf(betas);
    this.eps = eps;
    this.weightDecay = weightDecay;
    this.warmupSteps = warmupSteps;
    this.r = r;
    this.weightLrPower = weightLrPower;
  }

  @Override
  public Map<String, Kept> kept(Parameter parameter) {
    return Map.of("exp_avg_sq", Kept.like(parameter), "z", Kept.like(parameter));
  }

  /** Also {@code y}, once as it is put aside for {@code x} and once as it is saved. */
  @Override
  public long savedBytes(Parameter parameter) {
    return 3 * Kept.like(parameter).bytes() + bytes(parameter);
  }

  @Override
  public Optimizer create(List<Parameter> parameters) {
    return new State(parameters);
  }

  private final class State extends CountedOptimizer {
    private double largestRate;
    private double weights;
    private double part;
    private long counted;

    /** The points {@code y} while the values are {@code x}. */
    private @Nullable List<Tensor> aside;

    State(List<Parameter> parameters) {
      super(ScheduleFreeAdamW.this, parameters);
      for (int i = 0; i < parameters.size(); i++) {
        state(i, "z").copyFrom(value(i));
      }
    }

    @Override
    public void update(int parameter, Tensor gradient, double lr) {
      double rate = warmupSteps > updates() ? lr * updates() / warmupSteps : lr;
      count(rate);
      double beta1 = betas.get(0);
      double beta2 = betas.get(1);
      double correction = 1 - Math.pow(beta2, (double) updates());
      Chunks.forEach(
          List.of(
              value(parameter), gradient, state(parameter, "z"), state(parameter, "exp_avg_sq")),
          t -> {
            Tensor y = wide(t.get(0));
            Tensor g = wide(t.get(1));
            Tensor z = wide(t.get(2));
            Tensor square = wide(t.get(3)).mul(beta2).add(g.mul(g).mul(1 - beta2));
            t.get(3).copyFrom(square);
            Tensor step = g.div(square.div(correction).sqrt().add(eps));
            if (weightDecay > 0) {
              step = step.add(y.mul(weightDecay));
            }
            Tensor moved = y.add(z.sub(y).mul(part));
            t.get(0).copyFrom(moved.add(step.mul(rate * (beta1 * (1 - part) - 1))));
            t.get(2).copyFrom(z.sub(step.mul(rate)));
          });
    }

    /** Takes an update into the average, with its first parameter. */
    private void count(double rate) {
      if (counted == updates()) {
        return;
      }
      counted = updates();
      largestRate = Math.max(largestRate, rate);
      double weight = Math.pow((double) updates(), r) * Math.pow(largestRate, weightLrPower);
      weights += weight;
      part = weights == 0 ? 0 : weight / weights;
    }

    @Override
    public Map<String, Double> numbers() {
      return Map.of("lr_max", largestRate, "weight_sum", weights);
    }

    @Override
    public void setNumbers(Map<String, Double> numbers) {
      largestRate = numbers.getOrDefault("lr_max", 0.0);
      weights = numbers.getOrDefault("weight_sum", 0.0);
      counted = updates();
    }

    /** With {@code y}, which a checkpoint's weights do not have. */
    @Override
    public Map<String, Tensor> state(int parameter) {
      Map<String, Tensor> all = new TreeMap<>(super.state(parameter));
      all.put("y", aside == null ? value(parameter) : aside.get(parameter));
      return all;
    }

    /** The copies belong to the caller's scope, as what {@code work} makes does. */
    @Override
    public <T> T atResult(Supplier<T> work) {
      List<Tensor> points = values().stream().map(Chunks::copy).toList();
      aside = points;
      try {
        for (int i = 0; i < points.size(); i++) {
          Chunks.forEach(
              List.of(value(i), state(i, "z")),
              t -> {
                Tensor y = wide(t.get(0));
                t.get(0).copyFrom(y.add(wide(t.get(1)).sub(y).mul(1 - 1 / betas.get(0))));
              });
        }
        return work.get();
      } finally {
        aside = null;
        for (int i = 0; i < points.size(); i++) {
          value(i).copyFrom(points.get(i));
          points.get(i).close();
        }
      }
    }
  }
}

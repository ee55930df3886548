package org.tune4j.optim;

import java.util.List;
import java.util.Map;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Tensor;

/**
 * AdamW with decoupled weight decay (Loshchilov and Hutter 2019). Moments have the parameters'
 * type.
 *
 * @param lr learning rate before the schedule's factor
 * @param betas decay of the first and second moment
 * @param eps added to the root of the second moment
 * @param weightDecay decoupled: a part of each parameter, times the learning rate, is taken off it
 * @param fused torchtune's; the backend decides
 * @param loraplusLrRatio LoRA+ (Hayou et al. 2024): how much larger the learning rate of {@code
 *     lora_B} and of vectors is; biases do not decay then, as in PEFT's {@code
 *     create_loraplus_optimizer}; 1 for one rate
 */
public record AdamW(
    double lr,
    List<Double> betas,
    double eps,
    double weightDecay,
    boolean fused,
    double loraplusLrRatio)
    implements Optimizer.Spec {
  /**
   * Checks the numbers.
   *
   * @param lr from 0 to 10
   * @param betas two numbers from 0 to below 1
   * @param eps between 0 and 1, neither of them
   * @param weightDecay from 0 to 10
   * @param fused is not looked at
   * @param loraplusLrRatio above 0, up to 1000
   * @throws org.tune4j.UsageException with all that are out of bounds
   */
  @Component(
      value = "adamw",
      aliases = {
        "torch.optim.AdamW",
        "adamw_torch",
        "adamw_torch_fused",
        "bitsandbytes.optim.AdamW",
        "bitsandbytes.optim.PagedAdamW",
        "paged_adamw_32bit"
      })
  public AdamW(
      @Doc("learning rate before the schedule's factor") @Default("1e-3") double lr,
      @Doc("decay of the first and second moment") @Default("[0.9, 0.999]") List<Double> betas,
      @Doc("added to the root of the second moment") @Default("1e-8") double eps,
      @Doc("decoupled weight decay") @Default("0.01") double weightDecay,
      @Doc("accepted for torchtune's configs; the backend decides") @Default("true") boolean fused,
      @Doc("LoRA+: learning rate of lora_B relative to lora_A's") @Default("1.0")
          double loraplusLrRatio) {
    Hyperparameters.of("adamw")
        .lr(lr, 10)
        .betas(betas)
        .eps(eps)
        .weightDecay(weightDecay, 10)
        .loraplusLrRatio(loraplusLrRatio)
        .check();
    this.lr = lr;
    this.betas = List.copyOf(betas);
    this.eps = eps;
    this.weightDecay = weightDecay;
    this.fused = fused;
    this.loraplusLrRatio = loraplusLrRatio;
  }

  /**
   * With one learning rate for all.
   *
   * @param lr from 0 to 10
   * @param betas two numbers from 0 to below 1
   * @param eps between 0 and 1, neither of them
   * @param weightDecay from 0 to 10
   * @param fused is not looked at
   * @throws org.tune4j.UsageException with all that are out of bounds
   */
  public AdamW(double lr, List<Double> betas, double eps, double weightDecay, boolean fused) {
    this(lr, betas, eps, weightDecay, fused, 1);
  }

  @Override
  public Map<String, Kept> kept(Parameter parameter) {
    return Map.of("exp_avg", Kept.like(parameter), "exp_avg_sq", Kept.like(parameter));
  }

  @Override
  public Optimizer create(List<Parameter> parameters) {
    return new State(LoraPlus.off(), parameters);
  }

  @Override
  public Optimizer create(Map<String, Parameter> parameters) {
    return new State(
        LoraPlus.of("adamw", loraplusLrRatio, parameters), List.copyOf(parameters.values()));
  }

  private final class State extends CountedOptimizer {
    private final LoraPlus groups;

    State(LoraPlus groups, List<Parameter> parameters) {
      super(AdamW.this, parameters);
      this.groups = groups;
    }

    @Override
    public void update(int parameter, Tensor gradient, double lr) {
      Operations operations = gradient.engine().operations();
      Chunks.forEach(
          List.of(
              value(parameter),
              gradient,
              state(parameter, "exp_avg"),
              state(parameter, "exp_avg_sq")),
          t ->
              operations.adamW(
                  t.get(0),
                  t.get(1),
                  t.get(2),
                  t.get(3),
                  updates(),
                  groups.rate(parameter, lr),
                  betas.get(0),
                  betas.get(1),
                  eps,
                  groups.decay(parameter, weightDecay)));
    }
  }
}

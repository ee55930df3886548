package org.tune4j.optim;

import java.util.List;
import java.util.Map;
import org.tune4j.component.AlsoCalled;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * AdamW whose moments are kept in 8 bits, in blocks of 256 (Dettmers et al. 2022, as bitsandbytes
 * has it); those of small parameters in fp32.
 *
 * @param lr learning rate before the schedule's factor
 * @param betas decay of the first and second moment
 * @param eps added to the root of the second moment
 * @param weightDecay decoupled: a part of each parameter, times the learning rate, is taken off it
 * @param minSize elements of a parameter from which its moments are in 8 bits
 * @param loraplusLrRatio see {@link AdamW}
 */
public record AdamW8bit(
    double lr,
    List<Double> betas,
    double eps,
    double weightDecay,
    long minSize,
    double loraplusLrRatio)
    implements Optimizer.Spec {
  /**
   * Checks the numbers.
   *
   * @param lr from 0 to 10
   * @param betas two numbers from 0 to below 1
   * @param eps between 0 and 1, neither of them
   * @param weightDecay from 0 to 10
   * @param minSize 0 or more
   * @param loraplusLrRatio above 0, up to 1000
   * @throws org.tune4j.UsageException with all that are out of bounds
   */
  @Component(
      value = "adamw_8bit",
      aliases = {
        "bitsandbytes.optim.AdamW8bit",
        "bitsandbytes.optim.PagedAdamW8bit",
        "torchao.optim.AdamW8bit",
        "torchao.prototype.low_bit_optim.AdamW8bit",
        "adamw_bnb_8bit",
        "paged_adamw_8bit"
      })
  public AdamW8bit(
      @Doc("learning rate before the schedule's factor") @Default("1e-3") double lr,
      @Doc("decay of the first and second moment") @Default("[0.9, 0.999]") List<Double> betas,
      @Doc("added to the root of the second moment") @Default("1e-8") double eps,
      @Doc("decoupled weight decay") @Default("0.01") double weightDecay,
      @Doc("elements of a parameter from which its moments are in 8 bits, else fp32")
          @Default("4096")
          @AlsoCalled("min_8bit_size")
          long minSize,
      @Doc("LoRA+: learning rate of lora_B relative to lora_A's") @Default("1.0")
          double loraplusLrRatio) {
    Hyperparameters.of("adamw_8bit")
        .lr(lr, 10)
        .betas(betas)
        .eps(eps)
        .weightDecay(weightDecay, 10)
        .that(minSize >= 0, "min_size is %d, expected 0 or more".formatted(minSize))
        .loraplusLrRatio(loraplusLrRatio)
        .check();
    this.lr = lr;
    this.betas = List.copyOf(betas);
    this.eps = eps;
    this.weightDecay = weightDecay;
    this.minSize = minSize;
    this.loraplusLrRatio = loraplusLrRatio;
  }

  private boolean inCodes(Shape shape) {
    return shape.elements() >= minSize;
  }

  @Override
  public Map<String, Kept> kept(Parameter parameter) {
    Shape shape = parameter.shape();
    if (!inCodes(shape)) {
      Kept moment = new Kept(CountedOptimizer.wide(parameter.dtype()), shape);
      return Map.of("exp_avg", moment, "exp_avg_sq", moment);
    }
    Kept codes = new Kept(DType.UINT8, shape);
    Kept largest = new Kept(DType.FP32, Shape.of(BlockwiseCodes.blocks(shape.elements())));
    return Map.of(
        "exp_avg", codes, "exp_avg_max", largest, "exp_avg_sq", codes, "exp_avg_sq_max", largest);
  }

  /** A stretch of a parameter has other blocks. */
  @Override
  public boolean elementwise() {
    return false;
  }

  @Override
  public Optimizer create(List<Parameter> parameters) {
    return new State(LoraPlus.off(), parameters);
  }

  @Override
  public Optimizer create(Map<String, Parameter> parameters) {
    return new State(
        LoraPlus.of("adamw_8bit", loraplusLrRatio, parameters), List.copyOf(parameters.values()));
  }

  private final class State extends CountedOptimizer {
    private final BlockwiseCodes signed = BlockwiseCodes.dynamic(true);
    private final BlockwiseCodes unsigned = BlockwiseCodes.dynamic(false);
    private final LoraPlus groups;

    State(LoraPlus groups, List<Parameter> parameters) {
      super(AdamW8bit.this, parameters);
      this.groups = groups;
    }

    @Override
    public void update(int parameter, Tensor gradient, double lr) {
      Tensor value = value(parameter);
      Tensor mean = state(parameter, "exp_avg");
      Tensor square = state(parameter, "exp_avg_sq");
      double rate = groups.rate(parameter, lr);
      double decay = groups.decay(parameter, weightDecay);
      if (!inCodes(value.shape())) {
        Chunks.forEach(
            List.of(value, gradient, mean, square),
            t -> step(t.get(0), t.get(1), t.get(2), t.get(3), rate, decay));
        return;
      }
      try (TensorScope scope = gradient.engine().openScope();
          Engine.NoGradient off = gradient.engine().noGradient()) {
        List<Tensor> values = Chunks.of(value, BlockwiseCodes.MOST);
        List<Tensor> gradients = Chunks.of(gradient, BlockwiseCodes.MOST);
        List<Tensor> means = Chunks.of(mean, BlockwiseCodes.MOST);
        List<Tensor> squares = Chunks.of(square, BlockwiseCodes.MOST);
        int blocks = BlockwiseCodes.MOST / BlockwiseCodes.BLOCK;
        List<Tensor> largestMeans = Chunks.of(state(parameter, "exp_avg_max"), blocks);
        List<Tensor> largestSquares = Chunks.of(state(parameter, "exp_avg_sq_max"), blocks);
        for (int i = 0; i < values.size(); i++) {
          try (TensorScope chunk = gradient.engine().openScope()) {
            Tensor m = signed.decode(means.get(i), largestMeans.get(i));
            Tensor v = unsigned.decode(squares.get(i), largestSquares.get(i));
            step(values.get(i), gradients.get(i), m, v, rate, decay);
            signed.encode(m, means.get(i), largestMeans.get(i));
            unsigned.encode(v, squares.get(i), largestSquares.get(i));
          }
        }
      }
    }

    private void step(
        Tensor value, Tensor gradient, Tensor mean, Tensor square, double rate, double decay) {
      gradient
          .engine()
          .operations()
          .adamW(
              value,
              gradient,
              mean,
              square,
              updates(),
              rate,
              betas.get(0),
              betas.get(1),
              eps,
              decay);
    }
  }
}

package org.tune4j.adapters.lora;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tune4j.adapters.Merge;
import org.tune4j.models.layers.BaseLinear;
import org.tune4j.models.layers.Linear;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * LoRA with a trained magnitude: row {@code i} of {@code W + scale B A} is given the length {@code
 * lora_magnitude_vector[i]} (Liu et al. 2024). The row's own length is no part of the gradient, as
 * section 4.3 has it. Dropout only concerns the low-rank branch, as in torchtune.
 */
final class DoraAdapter extends LoraAdapter {
  static final String MAGNITUDE = "lora_magnitude_vector";

  /** Rows whose update exists at once. */
  private static final long ROWS = 1024;

  private final Parameter magnitude;

  DoraAdapter(Linear linear, LoraConfig.Size size, LoraConfig config) {
    super(linear, size, config);
    magnitude = add(new Parameter(MAGNITUDE, Shape.of(linear.out()), linear.adapterDtype(), true));
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, BaseLinear base) {
    Tensor product = product(pass, x, base);
    Tensor lengths;
    try (TensorScope scope = pass.engine().openScope();
        Engine.NoGradient off = pass.engine().noGradient()) {
      lengths = scope.moveOut(lengths(linear().weight().tensor()));
    }
    Tensor factors = Merge.wide(pass.value(magnitude)).div(lengths.reshape(linear().out()));
    return base.biased(
        pass,
        product.mul(factors.dtype() == product.dtype() ? factors : factors.cast(product.dtype())));
  }

  /** The lengths of the rows of {@code W + scale B A}, {@code [out, 1]}, in fp32 or wider. */
  private Tensor lengths(Tensor weight) {
    List<Tensor> all = new ArrayList<>();
    Engine engine = weight.engine();
    for (long from = 0; from < weight.size(0); from += ROWS) {
      long rows = Math.min(ROWS, weight.size(0) - from);
      try (TensorScope scope = engine.openScope()) {
        Tensor part = Merge.wide(weight.narrow(0, from, rows)).add(update(engine, from, rows));
        all.add(scope.moveOut(part.mul(part).sum(1).sqrt()));
      }
    }
    return Tensor.cat(all, 0);
  }

  /** With it the linear computes what it did without. */
  @Override
  public void initialise(Engine engine, String path, long seed) {
    super.initialise(engine, path, seed);
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Tensor values = lengths(linear().weight().tensor()).cast(magnitude.dtype());
      magnitude.set(scope.moveOut(values.reshape(linear().out())));
    }
  }

  @Override
  public Tensor merge(String parameter, Tensor value) {
    Tensor factors = Merge.wide(magnitude.tensor()).reshape(linear().out(), 1).div(lengths(value));
    return super.merge(parameter, value).mul(factors);
  }

  /** The product, for the magnitude's gradient. */
  @Override
  public long keptPerToken() {
    return super.keptPerToken() + linear().out();
  }

  @Override
  public Optional<String> explain(String parameter, Shape found) {
    return parameter.equals(MAGNITUDE) ? Optional.empty() : super.explain(parameter, found);
  }

  @Override
  protected String details() {
    return super.details() + ", dora";
  }
}

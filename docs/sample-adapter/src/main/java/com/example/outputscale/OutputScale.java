package com.example.outputscale;

import org.tune4j.models.layers.BaseLinear;
import org.tune4j.models.layers.LinearAdapter;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** A linear's product {@code x W^T}, each output times a learnt scale. */
final class OutputScale extends LinearAdapter {
  static final String SCALE = "output_scale";

  private final Parameter scale;

  OutputScale(long out, DType dtype) {
    scale = add(new Parameter(SCALE, Shape.of(out), dtype, true));
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, BaseLinear base) {
    Tensor product = base.product(pass, x);
    return base.biased(pass, product.mul(pass.value(scale, product.dtype())));
  }

  @Override
  public void initialise(Engine engine, String path, long seed) {
    scale.set(engine.zeros(scale.dtype(), scale.shape()).add(1));
  }

  @Override
  public Tensor merge(String parameter, Tensor value) {
    return value.mul(scale.tensor().cast(value.dtype()).reshape(value.size(0), 1));
  }

  /** Backward needs the product. */
  @Override
  public long keptPerToken() {
    return scale.shape().size(0);
  }

  @Override
  protected String details() {
    return "out=%d".formatted(scale.shape().size(0));
  }
}

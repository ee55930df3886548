package com.example.outputscale;

import org.tune4j.models.layers.Adapter;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** A linear's product {@code x W^T}, each output times a learnt scale. */
final class OutputScale extends Adapter {
  static final String SCALE = "output_scale";

  private final Parameter scale;

  OutputScale(long out, DType dtype) {
    scale = add(new Parameter(SCALE, Shape.of(out), dtype, true));
  }

  @Override
  public Tensor adapt(Pass pass, Tensor x, Tensor product) {
    return product.mul(pass.value(scale));
  }

  @Override
  public void initialise(Engine engine, String path, long seed) {
    scale.set(engine.zeros(scale.dtype(), scale.shape()).add(1));
  }

  @Override
  public Tensor merge(Tensor weight) {
    return weight.mul(column(weight));
  }

  @Override
  public Tensor unmerge(Tensor merged) {
    return merged.div(column(merged));
  }

  /** The scale of each row of a weight, in the weight's type. */
  private Tensor column(Tensor weight) {
    return scale.tensor().cast(weight.dtype()).reshape(weight.size(0), 1);
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

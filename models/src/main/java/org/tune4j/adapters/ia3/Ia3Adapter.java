package org.tune4j.adapters.ia3;

import org.tune4j.models.layers.BaseLinear;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * IA3: {@code (x W^T + b) l}, or {@code (x l) W^T + b} where the linear is a feed-forward layer's
 * (Liu et al. 2022). {@code ia3_l} is {@code [out, 1]} or {@code [1, in]}, as in PEFT.
 */
final class Ia3Adapter extends LinearAdapter {
  static final String SCALES = "ia3_l";

  private final Linear linear;
  private final boolean ofInput;
  private final Parameter scales;

  Ia3Adapter(Linear linear, boolean ofInput) {
    this.linear = linear;
    this.ofInput = ofInput;
    Shape shape = ofInput ? Shape.of(1, linear.in()) : Shape.of(linear.out(), 1);
    scales = add(new Parameter(SCALES, shape, linear.adapterDtype(), true));
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, BaseLinear base) {
    Tensor l = pass.value(scales, x.dtype()).reshape(scales.shape().elements());
    return ofInput
        ? base.biased(pass, base.product(pass, x.mul(l)))
        : base.biased(pass, base.product(pass, x)).mul(l);
  }

  @Override
  public void initialise(Engine engine, String path, long seed) {
    scales.set(engine.zeros(scales.dtype(), scales.shape()).add(1));
  }

  @Override
  public boolean changes(String parameter) {
    return parameter.equals("weight") || (parameter.equals("bias") && !ofInput);
  }

  @Override
  public Tensor merge(String parameter, Tensor value) {
    Tensor l = scales.tensor().cast(value.dtype());
    return value.mul(parameter.equals("bias") ? l.reshape(linear.out()) : l);
  }

  /** What is scaled, where that is no input. */
  @Override
  public long keptPerToken() {
    return ofInput ? 0 : linear.out();
  }

  @Override
  protected String details() {
    return ofInput ? "of input" : "of output";
  }
}

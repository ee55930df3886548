package org.tune4j.models;

import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Root-mean-square normalisation, in fp32 or wider (Zhang and Sennrich 2019). */
final class RmsNorm extends Module {
  private final Parameter weight;
  private final double eps;

  /** A norm over {@code dim} elements, without storage. */
  RmsNorm(long dim, double eps, DType dtype, boolean trainable) {
    weight = add(new Parameter("weight", Shape.of(dim), dtype, trainable));
    this.eps = eps;
  }

  /** {@code [n, dim]} to the same. */
  Tensor forward(Pass pass, Tensor x) {
    return pass.engine().operations().rmsNorm(x, pass.value(weight), eps);
  }

  @Override
  protected String details() {
    return "%d, eps=%s".formatted(weight.shape().size(0), eps);
  }
}

package org.tune4j.models.layers;

import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Root-mean-square normalisation, in fp32 or wider (Zhang and Sennrich 2019). */
public final class RmsNorm extends Norm {
  private final Parameter weight;
  private final double eps;

  /**
   * A norm, trainable, without storage.
   *
   * @param dim the last dimension
   * @param eps added to the mean square
   * @param dtype of the weight
   */
  public RmsNorm(long dim, double eps, DType dtype) {
    weight = add(new Parameter("weight", Shape.of(dim), dtype, true));
    this.eps = eps;
  }

  @Override
  public Tensor forward(Pass pass, Tensor x) {
    return pass.engine().operations().rmsNorm(x, pass.value(weight, x.dtype()), eps);
  }

  @Override
  protected String details() {
    return "%d, eps=%s".formatted(weight.shape().size(0), eps);
  }
}

package org.tune4j.models.layers;

import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Normalisation to mean 0 and variance 1, in fp32 or wider (Ba et al. 2016). */
public final class LayerNorm extends Norm {
  private final Parameter weight;
  private final @Nullable Parameter bias;
  private final double eps;

  /**
   * A norm, trainable, without storage.
   *
   * @param dim the last dimension
   * @param eps added to the variance
   * @param bias whether there is one
   * @param dtype of weight and bias
   */
  public LayerNorm(long dim, double eps, boolean bias, DType dtype) {
    weight = add(new Parameter("weight", Shape.of(dim), dtype, true));
    this.bias = bias ? add(new Parameter("bias", Shape.of(dim), dtype, true)) : null;
    this.eps = eps;
  }

  @Override
  public Tensor forward(Pass pass, Tensor x) {
    DType wide = x.dtype() == DType.FP64 ? DType.FP64 : DType.FP32;
    Tensor v = x.dtype() == wide ? x : x.cast(wide);
    double n = x.size(-1);
    int last = x.shape().rank() - 1;
    Tensor centred = v.sub(v.sum(last).div(n));
    Tensor deviation = centred.mul(centred).sum(last).div(n).add(eps).sqrt();
    Tensor scaled = centred.div(deviation).mul(pass.value(weight, wide));
    Tensor y = bias == null ? scaled : scaled.add(pass.value(bias, wide));
    return x.dtype() == wide ? y : y.cast(x.dtype());
  }

  @Override
  protected String details() {
    return "%d, eps=%s%s".formatted(weight.shape().size(0), eps, bias == null ? "" : ", bias");
  }
}

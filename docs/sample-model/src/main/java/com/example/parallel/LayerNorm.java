package com.example.parallel;

import org.tune4j.models.layers.Norm;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Layer normalisation with weight and bias, computed in fp32 or wider. */
final class LayerNorm extends Norm {
  private final long dim;
  private final double eps;
  private final Parameter weight;
  private final Parameter bias;

  LayerNorm(long dim, double eps, DType dtype) {
    this.dim = dim;
    this.eps = eps;
    weight = add(new Parameter("weight", Shape.of(dim), dtype, true));
    bias = add(new Parameter("bias", Shape.of(dim), dtype, true));
  }

  @Override
  public Tensor forward(Pass pass, Tensor x) {
    try (TensorScope scope = pass.engine().openScope()) {
      Tensor wide = x.dtype() == DType.FP64 ? x : x.cast(DType.FP32);
      Tensor centred = wide.sub(wide.sum(-1).div(dim));
      Tensor variance = centred.mul(centred).sum(-1).div(dim);
      Tensor normed = centred.div(variance.add(eps).sqrt()).cast(x.dtype());
      return scope.moveOut(normed.mul(pass.value(weight)).add(pass.value(bias)));
    }
  }

  /** Backward needs the centred input, in fp32, and what weight and bias are applied to. */
  long bytesPerToken(DType dtype) {
    return dim * (DType.FP32.bytes() + dtype.bytes());
  }
}

package org.tune4j.loss;

import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/** Logarithms of softmax, in fp32 or wider. */
final class LogSoftmax {
  private LogSoftmax() {}

  /** Of each row of {@code [n, vocab]}. */
  static Tensor of(Tensor logits) {
    Tensor wide = logits.dtype() == DType.FP64 ? logits : logits.cast(DType.FP32);
    Tensor shifted = wide.sub(wide.detach().max(-1));
    return shifted.sub(shifted.exp().sum(-1).log());
  }
}

package org.tune4j.models;

import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/** Log-probabilities of single labels, in fp32 or wider. */
final class LabelLogProbabilities {
  private LabelLogProbabilities() {}

  /**
   * Of each position, {@code [n]}.
   *
   * @param logits {@code [n, vocab]}
   * @param labels int64 {@code [n]}
   */
  static Tensor of(Tensor logits, Tensor labels) {
    long n = logits.size(0);
    Tensor wide = logits.dtype() == DType.FP64 ? logits : logits.cast(DType.FP32);
    Tensor shifted = wide.sub(wide.detach().max(-1));
    Tensor picked = shifted.gather(labels.reshape(n, 1));
    return picked.sub(shifted.exp().sum(-1).log()).reshape(n);
  }
}

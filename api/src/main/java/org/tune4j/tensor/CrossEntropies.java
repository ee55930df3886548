package org.tune4j.tensor;

import org.jspecify.annotations.Nullable;
import org.tune4j.spi.Kernels;
import org.tune4j.spi.TensorHandle;

/** Sums of cross-entropies, by the backend's kernels where it has them. */
final class CrossEntropies {
  private final Engine engine;
  private final Kernels kernels;

  CrossEntropies(Engine engine, Kernels kernels) {
    this.engine = engine;
    this.kernels = kernels;
  }

  Tensor sum(Tensor logits, Tensor labels) {
    requireFit(logits, labels);
    Tensor sum = adopt(kernels.crossEntropy(logits.handle(), labels.handle()), logits);
    if (sum != null) {
      return sum;
    }
    try (TensorScope s = engine.openScope()) {
      Tensor wide = Casts.widen(logits);
      Tensor shifted = wide.sub(wide.detach().max(-1));
      Tensor logSum = shifted.exp().sum(-1).log();
      Tensor picked = shifted.gather(labels.reshape(labels.size(0), 1));
      return s.moveOut(logSum.sub(picked).sum());
    }
  }

  @Nullable Tensor gradient(Tensor logits, Tensor labels) {
    requireFit(logits, labels);
    return adopt(kernels.crossEntropyGradient(logits.handle(), labels.handle()), logits);
  }

  private @Nullable Tensor adopt(@Nullable TensorHandle sum, Tensor logits) {
    DType wide = logits.dtype() == DType.FP64 ? DType.FP64 : DType.FP32;
    return sum == null ? null : engine.adopt(sum, wide, Shape.SCALAR, logits.device());
  }

  private static void requireFit(Tensor logits, Tensor labels) {
    Operations.fits(
        logits.shape().rank() == 2
            && labels.shape().equals(Shape.of(logits.size(0)))
            && labels.dtype() == DType.INT64,
        "crossEntropy",
        logits,
        labels);
  }
}

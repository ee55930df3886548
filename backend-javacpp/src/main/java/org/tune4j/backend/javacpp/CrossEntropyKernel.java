package org.tune4j.backend.javacpp;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The sum of cross-entropies. Its gradient is made with it, a tile of rows at a time: logits are
 * the largest tensors of a step, and libtorch makes five more of their size, four of them in fp32.
 */
final class CrossEntropyKernel {
  /** Bytes of a tile in fp32, so that it stays in a core's cache. */
  private static final long TILE = 2 << 20;

  /** torch.nn.functional's number for a reduction to a sum. */
  private static final long SUM = 2;

  private CrossEntropyKernel() {}

  /**
   * In the caller's pointer scope.
   *
   * @param logits {@code [n, vocab]}
   * @param labels int64 {@code [n]}
   * @return {@code []}, fp32, or fp64 where the logits are
   */
  static Tensor sum(Tensor logits, Tensor labels) {
    ScalarType wide = wide(logits);
    if (isHalf(logits)) {
      // The product below could overflow.
      return torch.cross_entropy_loss(
          logits.to(wide), labels, new TensorOptional(), SUM, -100, 0.0);
    }
    boolean recording = GradMode.is_enabled();
    Tensor gradient = recording && logits.requires_grad() ? torch.empty_like(logits) : null;
    Tensor sum = sum(logits, labels, gradient);
    if (gradient == null) {
      return sum;
    }
    // A zero that leads back to the logits: a product's gradient is its other factor. libtorch's
    // dot of bf16 is a scalar loop, 25 times slower than this.
    Tensor product = logits.mul(gradient).sum();
    return sum.add(product.sub(product.detach()).to(wide));
  }

  /**
   * As {@link #sum}; the gradient takes the place of the logits, which no graph needs. Null, and
   * the logits stay, in fp16.
   */
  static @Nullable Tensor gradient(Tensor logits, Tensor labels) {
    return isHalf(logits) ? null : sum(logits, labels, logits);
  }

  private static boolean isHalf(Tensor logits) {
    return logits.scalar_type().intern() == ScalarType.Half;
  }

  private static ScalarType wide(Tensor logits) {
    ScalarType type = logits.scalar_type().intern();
    return type == ScalarType.Double ? type : ScalarType.Float;
  }

  private static Tensor sum(Tensor logits, Tensor labels, @Nullable Tensor gradient) {
    boolean recording = GradMode.is_enabled();
    GradMode.set_enabled(false);
    try {
      return tiles(logits, labels.unsqueeze(1), gradient);
    } finally {
      GradMode.set_enabled(recording);
    }
  }

  /** A tile's logits are read before its gradient is written. */
  private static Tensor tiles(Tensor logits, Tensor labels, @Nullable Tensor gradient) {
    ScalarType wide = wide(logits);
    long n = logits.size(0);
    long most = logits.is_cuda() ? n : Math.max(1, TILE / (logits.size(1) * Float.BYTES));
    Tensor sum = torch.zeros(new long[0], logits.options().dtype(new ScalarTypeOptional(wide)));
    for (long from = 0; from < n; from += most) {
      try (PointerScope s = new PointerScope()) {
        long rows = Math.min(most, n - from);
        Tensor label = labels.narrow(0, from, rows);
        Tensor tile = logits.narrow(0, from, rows).log_softmax(1, new ScalarTypeOptional(wide));
        sum.sub_(tile.gather(1, label).sum());
        if (gradient != null) {
          Tensor minusOne = torch.full(new long[] {rows, 1}, new Scalar(-1.0), tile.options());
          gradient.narrow(0, from, rows).copy_(tile.exp_().scatter_add_(1, label, minusOne));
        }
      }
    }
    return sum;
  }
}

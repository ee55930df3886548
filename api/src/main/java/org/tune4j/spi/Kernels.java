package org.tune4j.spi;

import org.jspecify.annotations.Nullable;

/**
 * Operations that a backend may compute in one piece. Each has a default over the primitives in
 * {@link org.tune4j.tensor.Operations}; a kernel gives the same values, forward and backward,
 * within the kit's tolerance. A method returns null to decline: always, or for these types, shapes
 * or devices.
 */
public interface Kernels {
  /** Declines everything. */
  Kernels NONE = new Kernels() {};

  /**
   * A linear layer, {@code x w^T}.
   *
   * @param x {@code [n, in]}
   * @param w {@code [out, in]}
   * @return {@code [n, out]}
   */
  default @Nullable TensorHandle linear(TensorHandle x, TensorHandle w) {
    return null;
  }

  /**
   * A linear layer with its adapter, {@code x w^T + scale (x a^T) b^T}.
   *
   * @param x {@code [n, in]}
   * @param w {@code [out, in]}; frozen in LoRA, so that only the others ask for a gradient
   * @param a {@code [rank, in]}
   * @param b {@code [out, rank]}
   * @param scale {@code alpha / rank}
   * @return {@code [n, out]}
   */
  default @Nullable TensorHandle loraLinear(
      TensorHandle x, TensorHandle w, TensorHandle a, TensorHandle b, double scale) {
    return null;
  }

  /**
   * {@code x / rms(x) * w} over the last dimension, the norm in fp32 or wider.
   *
   * @param x {@code [..., dim]}
   * @param w {@code [dim]}
   * @param eps added to the mean square
   * @return in the shape and type of {@code x}
   */
  default @Nullable TensorHandle rmsNorm(TensorHandle x, TensorHandle w, double eps) {
    return null;
  }

  /**
   * Rotary positions: rotates the halves of each head.
   *
   * @param x {@code [n, heads, headDim]}
   * @param cos fp32 {@code [n, 1, headDim / 2]}
   * @param sin as {@code cos}
   * @return in the shape and type of {@code x}
   */
  default @Nullable TensorHandle rope(TensorHandle x, TensorHandle cos, TensorHandle sin) {
    return null;
  }

  /**
   * Causal attention of rows laid end to end.
   *
   * @param q {@code [n, heads, headDim]}
   * @param k {@code [n, kvHeads, headDim]}
   * @param v {@code [n, kvHeads, headDim]}
   * @param rowEnds where each row ends, ascending, the last {@code n}
   * @param window how many positions a query sees, itself included; 0 for all before it
   * @param scale of the scores, before the softmax
   * @return {@code [n, heads * headDim]}
   */
  default @Nullable TensorHandle attention(
      TensorHandle q, TensorHandle k, TensorHandle v, int[] rowEnds, int window, double scale) {
    return null;
  }

  /**
   * Attention of the last {@code m} positions of one row of {@code n}, each over the keys up to its
   * own.
   *
   * @param q {@code [m, heads, headDim]}
   * @param k {@code [n, kvHeads, headDim]}, {@code n >= m}, in any layout
   * @param v as {@code k}
   * @param window how many positions a query sees, itself included; 0 for all before it
   * @param scale of the scores, before the softmax
   * @return {@code [m, heads * headDim]}
   */
  default @Nullable TensorHandle attentionAtEnd(
      TensorHandle q, TensorHandle k, TensorHandle v, int window, double scale) {
    return null;
  }

  /**
   * {@code silu(gate) * up}.
   *
   * @param gate of any shape
   * @param up of the same shape and type
   * @return in that shape and type
   */
  default @Nullable TensorHandle swiGlu(TensorHandle gate, TensorHandle up) {
    return null;
  }

  /**
   * The sum of the cross-entropies.
   *
   * @param logits {@code [n, vocab]}
   * @param labels int64 {@code [n]}, each below {@code vocab}
   * @return {@code []}, fp32, or fp64 where the logits are
   */
  default @Nullable TensorHandle crossEntropy(TensorHandle logits, TensorHandle labels) {
    return null;
  }

  /**
   * One AdamW update in place of {@code parameter}, {@code m} and {@code v}; see {@link
   * org.tune4j.tensor.Operations#adamW}.
   *
   * @param parameter what is updated
   * @param gradient in the parameter's shape
   * @param m first moment, in the parameter's shape
   * @param v second moment, in the parameter's shape
   * @param step from 1
   * @param lr learning rate
   * @param beta1 decay of the first moment
   * @param beta2 decay of the second moment
   * @param eps added to the root of the second moment
   * @param weightDecay decoupled: the parameter shrinks by {@code lr * weightDecay}
   * @return whether it was done
   */
  default boolean adamW(
      TensorHandle parameter,
      TensorHandle gradient,
      TensorHandle m,
      TensorHandle v,
      long step,
      double lr,
      double beta1,
      double beta2,
      double eps,
      double weightDecay) {
    return false;
  }
}

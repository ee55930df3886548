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

  /** {@code x w^T}: {@code x [n, in]}, {@code w [out, in]}. */
  default @Nullable TensorHandle linear(TensorHandle x, TensorHandle w) {
    return null;
  }

  /** {@code x w^T + scale (x a^T) b^T}: {@code a [rank, in]}, {@code b [out, rank]}. */
  default @Nullable TensorHandle loraLinear(
      TensorHandle x, TensorHandle w, TensorHandle a, TensorHandle b, double scale) {
    return null;
  }

  /** {@code x / rms(x) * w} over the last dimension, the norm in fp32 or wider. */
  default @Nullable TensorHandle rmsNorm(TensorHandle x, TensorHandle w, double eps) {
    return null;
  }

  /**
   * Rotates halves: {@code x [n, heads, headDim]}, {@code cos} and {@code sin} fp32 {@code [n, 1,
   * headDim / 2]}.
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
   * @return {@code [m, heads * headDim]}
   */
  default @Nullable TensorHandle attentionAtEnd(
      TensorHandle q, TensorHandle k, TensorHandle v, int window, double scale) {
    return null;
  }

  /** {@code silu(gate) * up}. */
  default @Nullable TensorHandle swiGlu(TensorHandle gate, TensorHandle up) {
    return null;
  }

  /**
   * The sum of the cross-entropies, fp32 or wider, {@code []}: {@code logits [n, vocab]}, {@code
   * labels} int64 {@code [n]}.
   */
  default @Nullable TensorHandle crossEntropy(TensorHandle logits, TensorHandle labels) {
    return null;
  }

  /**
   * One AdamW update in place of {@code parameter}, {@code m} and {@code v}; see {@link
   * org.tune4j.tensor.Operations#adamW}.
   *
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

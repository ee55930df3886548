package org.tune4j.spi;

import org.jspecify.annotations.Nullable;

/**
 * Computes operations in one piece, or returns null to decline: always, or for these types, shapes
 * or devices. Each has a default over the primitives in {@link org.tune4j.tensor.Operations}; a
 * kernel gives the same values, forward and backward, within the kit's tolerance.
 */
public interface Kernels {
  /** Declines everything. */
  Kernels NONE = new Kernels() {};

  /**
   * Computes a linear layer, {@code x w^T}.
   *
   * @param x {@code [n, in]}
   * @param w {@code [out, in]}
   * @return {@code [n, out]}
   */
  default @Nullable TensorHandle linear(TensorHandle x, TensorHandle w) {
    return null;
  }

  /**
   * Copies a frozen weight into the layout in which {@link #packedLinear} reads it.
   *
   * @param w {@code [out, in]}
   * @return what nothing but {@link #packedLinear} and release is called with
   */
  default @Nullable TensorHandle pack(TensorHandle w) {
    return null;
  }

  /**
   * Computes {@link #linear} with what {@link #pack} gave, without recording for gradients. A
   * backend that packs must not decline.
   *
   * @param x {@code [n, in]}, in the weight's type
   * @param packed a weight of {@code [out, in]}
   * @return {@code [n, out]}
   */
  default @Nullable TensorHandle packedLinear(TensorHandle x, TensorHandle packed) {
    return null;
  }

  /**
   * Unpacks rows of a quantised matrix.
   *
   * @param w {@code [out, in]}
   * @param from the first row; in NF4, rows are whole blocks
   * @param rows how many
   * @return fp32 {@code [rows, in]}
   */
  default @Nullable TensorHandle unpack(Quantised w, long from, long rows) {
    return null;
  }

  /**
   * Computes {@link #linear} with a frozen weight of a narrower type, or a {@link Quantised} one,
   * which is widened a tile at a time. Records nothing for gradients.
   *
   * @param x {@code [n, in]}
   * @param w {@code [out, in]}, narrower than {@code x}
   * @return {@code [n, out]}, in the type of {@code x}
   */
  default @Nullable TensorHandle widenedLinear(TensorHandle x, TensorHandle w) {
    return null;
  }

  /**
   * Computes the gradient of {@link #widenedLinear} at its input, {@code g w}.
   *
   * @param g {@code [n, out]}
   * @param w {@code [out, in]}, narrower than {@code g}
   * @return {@code [n, in]}, in the type of {@code g}
   */
  default @Nullable TensorHandle widenedLinearInput(TensorHandle g, TensorHandle w) {
    return null;
  }

  /**
   * Computes a linear layer with its adapter, {@code x w^T + scale (x a^T) b^T}.
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
   * Computes {@code x / rms(x) * w} over the last dimension, the norm in fp32 or wider.
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
   * Rotates the halves of each head by its position.
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
   * Computes causal attention of rows laid end to end.
   *
   * @param q {@code [n, heads, headDim]}
   * @param k {@code [n, kvHeads, headDim]}
   * @param v {@code [n, kvHeads, headDim]}
   * @param rowEnds where each row ends, ascending, the last {@code n}
   * @param spec scale, window, soft cap and sinks
   * @return {@code [n, heads * headDim]}
   */
  default @Nullable TensorHandle attention(
      TensorHandle q,
      TensorHandle k,
      TensorHandle v,
      int[] rowEnds,
      AttentionSpec<TensorHandle> spec) {
    return null;
  }

  /**
   * Rotates the queries and keys of a row's next {@code m} positions, writes keys and values from
   * position {@code at} of the cache on, and attends to its first {@code n} positions. Records
   * nothing for gradients.
   *
   * @param q {@code [m, heads, headDim]}, not rotated, in any layout
   * @param k {@code [m, kvHeads, headDim]}, as {@code q}
   * @param v as {@code k}
   * @param cos fp32 {@code [m, 1, headDim / 2]}
   * @param sin as {@code cos}
   * @param keys {@code [kvHeads, capacity, headDim]}, written in place
   * @param values as {@code keys}
   * @param at how many positions are held
   * @param mask {@code [m, n]}, in the type of {@code q}, {@code at + m <= n <= capacity}: 0 where
   *     a query sees a position and negative infinity where not
   * @param spec scale, soft cap and sinks; the mask stands for the window, which is ignored
   * @return {@code [m, heads * headDim]}
   */
  default @Nullable TensorHandle cachedAttention(
      TensorHandle q,
      TensorHandle k,
      TensorHandle v,
      TensorHandle cos,
      TensorHandle sin,
      TensorHandle keys,
      TensorHandle values,
      int at,
      TensorHandle mask,
      AttentionSpec<TensorHandle> spec) {
    return null;
  }

  /**
   * Computes {@code silu(gate) * up}.
   *
   * @param gate of any shape
   * @param up of the same shape and type
   * @return in that shape and type
   */
  default @Nullable TensorHandle swiGlu(TensorHandle gate, TensorHandle up) {
    return null;
  }

  /**
   * Solves {@code (I + L) x = b}, where {@code L} is what lies below the diagonal of {@code a}.
   *
   * @param a {@code [batch, n, n]}, fp32 or wider; nothing else of it is used
   * @param b {@code [batch, n, m]}, of the same type
   * @return {@code x}, in the shape and type of {@code b}
   */
  default @Nullable TensorHandle solveUnitLower(TensorHandle a, TensorHandle b) {
    return null;
  }

  /**
   * Sums the cross-entropies.
   *
   * @param logits {@code [n, vocab]}
   * @param labels int64 {@code [n]}, each below {@code vocab}
   * @return {@code []}, fp32, or fp64 where the logits are
   */
  default @Nullable TensorHandle crossEntropy(TensorHandle logits, TensorHandle labels) {
    return null;
  }

  /**
   * Sums the cross-entropies and overwrites the logits with the gradient. Nothing is recorded.
   *
   * @param logits {@code [n, vocab]}, contiguous and detached
   * @param labels as {@link #crossEntropy} takes them
   * @return as {@link #crossEntropy} returns it
   */
  default @Nullable TensorHandle crossEntropyGradient(TensorHandle logits, TensorHandle labels) {
    return null;
  }

  /**
   * Updates {@code parameter}, {@code m} and {@code v} in place; see {@link
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

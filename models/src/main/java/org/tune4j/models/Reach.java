package org.tune4j.models;

import org.tune4j.spi.AttentionSpec;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Tensor;

/** What the tokens of a pass can attend to in one layer. */
@FunctionalInterface
interface Reach {
  /**
   * Causal attention.
   *
   * @param q {@code [tokens, heads, headDim]}, not rotated
   * @param k {@code [tokens, kvHeads, headDim]}, not rotated
   * @param v as {@code k}
   * @param rope of the tokens' positions
   * @return {@code [tokens, heads * headDim]}
   */
  Tensor attend(
      Operations ops, Tensor q, Tensor k, Tensor v, RotaryEmbedding.Tables rope, double scale);

  /** The tokens of the same row, and {@code window} of them at the most where it is not 0. */
  static Reach within(PackedRows rows, int window) {
    return (ops, q, k, v, rope, scale) ->
        ops.attention(
            ops.rope(q, rope.cos(), rope.sin()),
            ops.rope(k, rope.cos(), rope.sin()),
            v,
            rows.rowEnds(),
            AttentionSpec.of(scale, window));
  }
}

package org.tune4j.models;

import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Tensor;

/** What the tokens of a pass can attend to in one layer. */
@FunctionalInterface
interface Reach {
  /**
   * Causal attention.
   *
   * @param q {@code [tokens, heads, headDim]}
   * @param k {@code [tokens, kvHeads, headDim]}
   * @param v as {@code k}
   * @return {@code [tokens, heads * headDim]}
   */
  Tensor attend(Operations ops, Tensor q, Tensor k, Tensor v, int window, double scale);

  /** The tokens of the same row. */
  static Reach within(PackedRows rows) {
    return (ops, q, k, v, window, scale) -> ops.attention(q, k, v, rows.rowEnds(), window, scale);
  }
}

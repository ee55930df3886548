package org.tune4j.models.layers;

import org.tune4j.nn.Pass;
import org.tune4j.nn.Scan;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.tensor.Tensor;

/**
 * What the tokens of a pass attend to in one layer, or what its recurrence goes on from: tokens of
 * their rows, or a cache's too.
 */
public interface AttentionContext {
  /**
   * Causal attention.
   *
   * @param q {@code [tokens, heads, headDim]}, not rotated
   * @param k {@code [tokens, kvHeads, headDim]}, not rotated
   * @param v as {@code k}
   * @param spec scale, window, soft cap and sinks
   * @return {@code [tokens, heads * headDim]}, owned by the calling thread's scope
   */
  Tensor attend(Tensor q, Tensor k, Tensor v, AttentionSpec<Tensor> spec);

  /**
   * The same with the keys and values of a layer below, where the block has them.
   *
   * @param q {@code [tokens, heads, headDim]}, not rotated
   * @param spec scale, window, soft cap and sinks
   * @return {@code [tokens, heads * headDim]}, owned by the calling thread's scope
   */
  default Tensor attendShared(Tensor q, AttentionSpec<Tensor> spec) {
    throw new IllegalStateException("the block has no keys and values of a layer below");
  }

  /**
   * The same of queries and keys that are rotated.
   *
   * @param q {@code [tokens, heads, headDim]}
   * @param k {@code [tokens, kvHeads, headDim]}
   * @param v as {@code k}
   * @param spec scale, window, soft cap and sinks
   * @return {@code [tokens, heads * headDim]}, owned by the calling thread's scope
   */
  Tensor attendRotated(Tensor q, Tensor k, Tensor v, AttentionSpec<Tensor> spec);

  /**
   * {@return queries or keys, rotated by their positions, owned by the calling thread's scope}
   *
   * @param x {@code [tokens, heads, headDim]}
   */
  Tensor rotate(Tensor x);

  /**
   * Runs a recurrence over each row, from the state in which the row's earlier tokens left it. A
   * layer runs one at the most.
   *
   * @param pass of the calling thread
   * @param scan that is run
   * @param input {@code [tokens, ...]}
   * @return {@code [tokens, ...]}, owned by the calling thread's scope
   */
  Tensor scan(Pass pass, Scan scan, Tensor input);
}

package org.tune4j.models;

import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/**
 * What a family's layers take of each token besides the embedding. Its modules stand beside the
 * embedding, and what it gives stands behind the embedded tokens in the first layer's input. Each
 * layer gives on what the layers above it need; the last gives the residual stream alone.
 */
public abstract class SideInput extends Module {
  /**
   * {@return {@code [tokens, width]}, in the type of the embedded tokens, owned by the calling
   * thread's scope}
   *
   * @param pass of the calling thread
   * @param tokens their ids
   * @param embedded {@code [tokens, dim]}
   */
  public abstract Tensor forward(Pass pass, int[] tokens, Tensor embedded);
}

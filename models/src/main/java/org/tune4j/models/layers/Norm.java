package org.tune4j.models.layers;

import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/** A normalisation over the last dimension. */
public abstract class Norm extends Module {
  /**
   * {@return the normed input, in its shape and type, owned by the calling thread's scope}
   *
   * @param pass of the calling thread
   * @param x {@code [n, dim]}
   */
  public abstract Tensor forward(Pass pass, Tensor x);
}

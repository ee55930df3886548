package org.tune4j.models.layers;

import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/** What changes a {@link Linear}. */
public abstract non-sealed class LinearAdapter extends Adapter {
  /** An adapter without storage. */
  protected LinearAdapter() {}

  /**
   * {@return what the adapted linear gives, {@code [n, out]}, owned by the calling thread's scope}
   *
   * @param pass of the calling thread
   * @param x {@code [n, in]}
   * @param base the linear without it
   */
  public abstract Tensor forward(Pass pass, Tensor x, BaseLinear base);
}

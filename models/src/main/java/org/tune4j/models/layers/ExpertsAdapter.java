package org.tune4j.models.layers;

import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/** What changes the weights of {@link Experts}. */
public abstract non-sealed class ExpertsAdapter extends Adapter {
  /** An adapter without storage. */
  protected ExpertsAdapter() {}

  /**
   * {@return whether it changes one of the weights}
   *
   * @param weight of all experts
   */
  public abstract boolean adapts(Experts.Weight weight);

  /**
   * {@return an expert's product with what the adapter changes, {@code [m, out]}}
   *
   * @param pass of the calling thread
   * @param weight that it {@link #adapts}
   * @param expert from 0
   * @param x {@code [m, in]}
   * @param product {@code x W^T}, {@code [m, out]}
   */
  public abstract Tensor adapt(
      Pass pass, Experts.Weight weight, int expert, Tensor x, Tensor product);
}

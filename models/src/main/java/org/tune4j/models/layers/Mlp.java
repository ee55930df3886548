package org.tune4j.models.layers;

import java.util.List;
import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/** What a block computes of each token alone. */
public abstract class Mlp extends Module {
  /**
   * {@return the MLP of each token, {@code [tokens, dim]}, owned by the calling thread's scope}
   *
   * @param pass of the calling thread
   * @param x {@code [tokens, dim]}
   */
  public abstract Tensor forward(Pass pass, Tensor x);

  /** {@return its products, those of one input as one} */
  public abstract List<Product> products();

  /** {@return elements that a token keeps for backward} */
  public abstract long keptPerToken();
}

package org.tune4j.models.layers;

import java.util.List;
import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/** What a block computes of each token and those before it: attention, or a recurrence. */
public abstract class Mixer extends Module {
  /**
   * {@return each token's mix, {@code [tokens, dim]}, owned by the calling thread's scope}
   *
   * @param pass of the calling thread
   * @param x {@code [tokens, dim]}
   * @param context what the tokens attend to
   */
  public abstract Tensor forward(Pass pass, Tensor x, AttentionContext context);

  /** {@return its products, those of one input as one} */
  public abstract List<Product> products();

  /** {@return elements that a token keeps for backward, besides the softmax's weights} */
  public abstract long keptPerToken();
}

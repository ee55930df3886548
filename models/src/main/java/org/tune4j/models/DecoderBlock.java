package org.tune4j.models;

import java.util.List;
import org.tune4j.adapters.Adapters;
import org.tune4j.models.layers.AttentionContext;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.Product;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/**
 * One layer of a decoder: a family's own, from the residual stream to the residual stream. Holds no
 * state of a pass, so that threads share it.
 */
public abstract class DecoderBlock extends Module {
  /**
   * Computes the layer. What is made on the way is released before it returns; what backward needs
   * the backend keeps.
   *
   * @param pass of the calling thread
   * @param x {@code [tokens, dim]}, and {@link #sideWidth} more columns behind these
   * @param context what the tokens attend to
   * @return {@code [tokens, dim]}, with the columns that the next layer takes, owned by the calling
   *     thread's scope
   */
  public abstract Tensor forward(Pass pass, Tensor x, AttentionContext context);

  /**
   * {@return what its attention needs of a pass and of a cache; {@link AttentionShape#NONE} where
   * it has a state instead}
   */
  public abstract AttentionShape attentionShape();

  /**
   * {@return bytes that a token keeps for backward, besides the softmax's weights}
   *
   * @param dtype of activations
   */
  public abstract long keptPerToken(DType dtype);

  /** {@return elements of a token that it takes besides the residual stream; by default none} */
  public long sideWidth() {
    return 0;
  }

  /**
   * {@return the linears as they are multiplied; by default each alone}
   *
   * <p>Linears of the same input are packed as one for inference where they are joined.
   */
  public List<Product> products() {
    return List.copyOf(Adapters.linears(this).values());
  }

  final boolean trains() {
    return parameters().values().stream().anyMatch(Parameter::trainable);
  }
}

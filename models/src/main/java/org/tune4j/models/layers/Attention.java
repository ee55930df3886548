package org.tune4j.models.layers;

import java.util.List;
import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/** Causal self-attention with grouped queries and rotary positions. */
public final class Attention extends Module {
  private final AttentionShape shape;
  private final JoinedLinear qkvProj;
  private final Linear oProj;

  /**
   * Attention without storage, named as Llama's.
   *
   * @param shape of its heads
   * @param dim width of the residual stream
   * @param dtype of the weights
   */
  public Attention(AttentionShape shape, long dim, DType dtype) {
    this.shape = shape;
    Linear qProj = add("q_proj", new Linear(dim, shape.queryDim(), dtype));
    Linear kProj = add("k_proj", new Linear(dim, shape.kvDim(), dtype));
    Linear vProj = add("v_proj", new Linear(dim, shape.kvDim(), dtype));
    qkvProj = new JoinedLinear(qProj, kProj, vProj);
    oProj = add("o_proj", new Linear(shape.queryDim(), dim, dtype));
  }

  /**
   * {@return each token's mix of those that it attends to, {@code [tokens, dim]}, owned by the
   * calling thread's scope}
   *
   * @param pass of the calling thread
   * @param x {@code [tokens, dim]}
   * @param context what the tokens attend to
   */
  public Tensor forward(Pass pass, Tensor x, AttentionContext context) {
    long n = x.size(0);
    int dim = shape.headDim();
    List<Tensor> qkv = qkvProj.forward(pass, x);
    Tensor q = qkv.get(0).reshape(n, shape.numHeads(), dim);
    Tensor k = qkv.get(1).reshape(n, shape.numKvHeads(), dim);
    Tensor v = qkv.get(2).reshape(n, shape.numKvHeads(), dim);
    AttentionSpec<Tensor> spec = AttentionSpec.of(1 / Math.sqrt((double) dim), shape.window());
    return oProj.forward(pass, context.attend(q, k, v, spec));
  }

  /** {@return its products: queries, keys and values at once, and the output} */
  public List<Product> products() {
    return List.of(qkvProj, oProj);
  }

  /**
   * {@return elements that a token keeps for backward, besides the softmax's weights: inputs of
   * trained linears, queries, keys, values}
   */
  public long keptPerToken() {
    long heads = shape.queryDim() + 2 * shape.kvDim();
    return heads + qkvProj.keptPerToken() + oProj.keptPerToken();
  }
}

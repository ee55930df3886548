package org.tune4j.models.llama;

import java.util.ArrayList;
import java.util.List;
import org.tune4j.models.DecoderBlock;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.layers.Attention;
import org.tune4j.models.layers.AttentionContext;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.Product;
import org.tune4j.models.layers.RmsNorm;
import org.tune4j.models.layers.SwiGlu;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Attention and MLP, each on the normed stream and added back to it. */
final class LlamaBlock extends DecoderBlock {
  private final DecoderConfig config;
  private final AttentionShape shape;
  private final RmsNorm inputNorm;
  private final Attention attention;
  private final RmsNorm postAttentionNorm;
  private final SwiGlu mlp;

  LlamaBlock(DecoderConfig config, AttentionShape shape, DType dtype) {
    this.config = config;
    this.shape = shape;
    long dim = config.hiddenSize();
    attention = add("self_attn", new Attention(shape, dim, dtype));
    mlp = add("mlp", new SwiGlu(dim, config.intermediateSize(), dtype));
    inputNorm = add("input_layernorm", new RmsNorm(dim, config.normEps(), dtype));
    postAttentionNorm = add("post_attention_layernorm", new RmsNorm(dim, config.normEps(), dtype));
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, AttentionContext context) {
    try (TensorScope scope = pass.engine().openScope()) {
      Tensor middle;
      try (TensorScope inner = pass.engine().openScope()) {
        Tensor mixed = attention.forward(pass, inputNorm.forward(pass, x), context);
        middle = inner.moveOut(x.add(mixed));
      }
      Tensor stream = pass.fork(middle);
      Tensor changed = mlp.forward(pass, postAttentionNorm.forward(pass, stream));
      return scope.moveOut(stream.add(changed));
    }
  }

  @Override
  public AttentionShape attentionShape() {
    return shape;
  }

  @Override
  public List<Product> products() {
    List<Product> products = new ArrayList<>(attention.products());
    products.addAll(mlp.products());
    return products;
  }

  /** Both norms' inputs are kept widened, and normed where the norms' own weights are trained. */
  @Override
  public long keptPerToken(DType dtype) {
    long dim = config.hiddenSize();
    boolean trainsNorms = inputNorm.parameters().values().stream().anyMatch(Parameter::trainable);
    return 2 * dim * Math.max(DType.FP32.bytes(), dtype.bytes())
        + (trainsNorms ? 2 * dim * dtype.bytes() : 0)
        + (attention.keptPerToken() + mlp.keptPerToken()) * dtype.bytes();
  }
}

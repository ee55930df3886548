package com.example.parallel;

import java.util.ArrayList;
import java.util.List;
import org.tune4j.models.DecoderBlock;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.layers.Attention;
import org.tune4j.models.layers.AttentionContext;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.Product;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Attention and MLP of the same normed input, both added to the residual stream. */
final class ParallelBlock extends DecoderBlock {
  private final AttentionShape shape;
  private final LayerNorm norm;
  private final Attention attention;
  private final GeluMlp mlp;

  ParallelBlock(DecoderConfig sizes, DType dtype) {
    shape = sizes.attention();
    norm = add("ln_1", new LayerNorm(sizes.hiddenSize(), sizes.normEps(), dtype));
    attention = add("attn", new Attention(shape, sizes.hiddenSize(), dtype));
    mlp = add("mlp", new GeluMlp(sizes.hiddenSize(), sizes.intermediateSize(), dtype));
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, AttentionContext context) {
    try (TensorScope scope = pass.engine().openScope()) {
      Tensor normed = norm.forward(pass, x);
      Tensor attended = attention.forward(pass, normed, context);
      return scope.moveOut(x.add(attended).add(mlp.forward(pass, normed)));
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

  @Override
  public long keptPerToken(DType dtype) {
    return norm.bytesPerToken(dtype)
        + (attention.keptPerToken() + mlp.keptPerToken()) * dtype.bytes();
  }
}

package org.tune4j.models.gemma;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.models.DecoderBlock;
import org.tune4j.models.ResidualBlock;
import org.tune4j.models.layers.Activation;
import org.tune4j.models.layers.AttentionContext;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.Product;
import org.tune4j.models.layers.RmsNorm;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * A layer of Gemma 4: attention and an MLP, then the layer's own input of each token, where there
 * is one, then a factor. It takes and gives a {@link Gemma4Stream}.
 */
final class Gemma4Block extends DecoderBlock {
  private final int layer;
  private final Gemma4Stream stream;
  private final ResidualBlock block;
  private final Activation activation;
  private final @Nullable OwnInput own;
  private final Parameter scalar;

  /** What adds the layer's own input. */
  private record OwnInput(Linear gate, Linear projection, RmsNorm norm) {}

  /**
   * Without storage.
   *
   * @param layer its number, from 0
   * @param block its attention and MLP
   * @param activation of what gates its own input
   * @param eps added to the mean square
   */
  Gemma4Block(
      int layer,
      Gemma4Stream stream,
      ResidualBlock block,
      Activation activation,
      double eps,
      DType dtype) {
    this.layer = layer;
    this.stream = stream;
    this.block = block;
    this.activation = activation;
    block.children().forEach((name, child) -> add(name, child));
    long dim = stream.dim();
    long width = stream.perLayer();
    own =
        width == 0
            ? null
            : new OwnInput(
                add("per_layer_input_gate", new Linear(dim, width, dtype)),
                add("per_layer_projection", new Linear(width, dim, dtype)),
                add("post_per_layer_input_norm", new RmsNorm(dim, eps, dtype)));
    scalar = add(new Parameter("layer_scalar", Shape.of(1), dtype, true));
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, AttentionContext context) {
    try (TensorScope scope = pass.engine().openScope()) {
      int source = stream.sources().get(layer);
      Tensor taken = source == layer ? null : keyValues(x, source);
      SharedKeys keys =
          new SharedKeys(
              pass, scope, context, stream.gives(layer), attentionShape().numKvHeads(), taken);
      Tensor h = block.forward(pass, pass.fork(x.narrow(1, 0, stream.dim())), keys);
      if (own != null) {
        Tensor residual = pass.fork(h);
        Tensor gated =
            activation
                .of(own.gate.forward(pass, residual))
                .mul(x.narrow(1, stream.dim(), stream.perLayer()));
        h = residual.add(own.norm.forward(pass, own.projection.forward(pass, gated)));
      }
      List<Tensor> all = new ArrayList<>();
      all.add(h.mul(pass.value(scalar, h.dtype())));
      long above = stream.perLayerFrom(layer + 1);
      if (above > 0) {
        all.add(x.narrow(1, stream.dim() + stream.perLayer(), above));
      }
      for (int shared : stream.shared(layer + 1)) {
        all.add(shared == layer ? keys.both() : keyValues(x, shared));
      }
      return scope.moveOut(all.size() == 1 ? all.get(0) : Tensor.cat(all, 1));
    }
  }

  private Tensor keyValues(Tensor x, int source) {
    return x.narrow(1, stream.start(layer, source), stream.keyValues(source));
  }

  @Override
  public AttentionShape attentionShape() {
    return block.attentionShape();
  }

  @Override
  public long sideWidth() {
    return stream.side(layer);
  }

  @Override
  public List<Product> products() {
    List<Product> all = new ArrayList<>(block.products());
    if (own != null) {
      all.add(own.gate);
      all.add(own.projection);
    }
    return all;
  }

  /** Views keep the whole input; its own input adds the gate, its activation and a norm's input. */
  @Override
  public long keptPerToken(DType dtype) {
    long elements = stream.dim() + sideWidth();
    long wide = 0;
    if (own != null) {
      elements += 2 * stream.perLayer() + own.gate.keptPerToken() + own.projection.keptPerToken();
      wide = stream.dim() * Math.max(DType.FP32.bytes(), dtype.bytes());
    }
    return block.keptPerToken(dtype) + elements * dtype.bytes() + wide;
  }
}

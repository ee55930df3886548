package org.tune4j.models;

import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Attention and MLP, each on the normed stream and added back to it. */
public final class DecoderLayer extends Module {
  private final RmsNorm inputNorm;
  private final Attention attention;
  private final RmsNorm postAttentionNorm;
  private final SwiGlu mlp;

  DecoderLayer(DecoderConfig config, Linears linears) {
    attention = add("self_attn", new Attention(config, linears.in("self_attn")));
    mlp = add("mlp", new SwiGlu(config, linears.in("mlp")));
    inputNorm = add("input_layernorm", norm(config, linears));
    postAttentionNorm = add("post_attention_layernorm", norm(config, linears));
  }

  private static RmsNorm norm(DecoderConfig config, Linears linears) {
    return new RmsNorm(
        config.hiddenSize(), config.normEps(), linears.dtype(), linears.baseTrainable());
  }

  /** {@return the layer's self-attention} */
  public Attention attention() {
    return attention;
  }

  SwiGlu mlp() {
    return mlp;
  }

  boolean trains() {
    return parameters().values().stream().anyMatch(Parameter::trainable);
  }

  /**
   * {@code [tokens, dim]} to the same. What is made on the way is released here; what backward
   * needs the backend keeps.
   */
  Tensor forward(Pass pass, Tensor x, RotaryEmbedding.Tables rope, Reach reach) {
    try (TensorScope scope = pass.engine().openScope()) {
      Tensor middle;
      try (TensorScope inner = pass.engine().openScope()) {
        Tensor mixed = attention.forward(pass, inputNorm.forward(pass, x), rope, reach);
        middle = inner.moveOut(x.add(mixed));
      }
      Tensor changed = mlp.forward(pass, postAttentionNorm.forward(pass, middle));
      return scope.moveOut(middle.add(changed));
    }
  }
}

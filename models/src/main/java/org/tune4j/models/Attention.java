package org.tune4j.models;

import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Tensor;

/** Causal self-attention with grouped queries and rotary positions. */
public final class Attention extends Module {
  private final DecoderConfig config;
  private final Linear qProj;
  private final Linear kProj;
  private final Linear vProj;
  private final Linear oProj;

  Attention(DecoderConfig config, Linears linears) {
    this.config = config;
    long dim = config.hiddenSize();
    long q = (long) config.numHeads() * config.headDim();
    long kv = (long) config.numKvHeads() * config.headDim();
    qProj = add("q_proj", linears.attention(AttnModule.Q_PROJ, dim, q));
    kProj = add("k_proj", linears.attention(AttnModule.K_PROJ, dim, kv));
    vProj = add("v_proj", linears.attention(AttnModule.V_PROJ, dim, kv));
    oProj = add("o_proj", linears.attention(AttnModule.OUTPUT_PROJ, q, dim));
  }

  /** {@code [tokens, dim]} to the same, each token over those of its row up to itself. */
  Tensor forward(Pass pass, Tensor x, RotaryEmbedding.Tables rope, Reach reach) {
    Operations ops = pass.engine().operations();
    long n = x.size(0);
    int heads = config.numHeads();
    int kvHeads = config.numKvHeads();
    int dim = config.headDim();
    Tensor q = ops.rope(qProj.forward(pass, x).reshape(n, heads, dim), rope.cos(), rope.sin());
    Tensor k = ops.rope(kProj.forward(pass, x).reshape(n, kvHeads, dim), rope.cos(), rope.sin());
    Tensor v = vProj.forward(pass, x).reshape(n, kvHeads, dim);
    Tensor mixed = reach.attend(ops, q, k, v, config.slidingWindow(), 1 / Math.sqrt((double) dim));
    return oProj.forward(pass, mixed);
  }
}

package org.tune4j.models;

import java.util.List;
import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Tensor;

/** Causal self-attention with grouped queries and rotary positions. */
public final class Attention extends Module {
  private final DecoderConfig config;
  private final JoinedLinear qkvProj;
  private final Linear oProj;

  Attention(DecoderConfig config, Linears linears) {
    this.config = config;
    long dim = config.hiddenSize();
    long q = (long) config.numHeads() * config.headDim();
    long kv = (long) config.numKvHeads() * config.headDim();
    Linear qProj = add("q_proj", linears.linear("q_proj", dim, q));
    Linear kProj = add("k_proj", linears.linear("k_proj", dim, kv));
    Linear vProj = add("v_proj", linears.linear("v_proj", dim, kv));
    qkvProj = new JoinedLinear(qProj, kProj, vProj);
    oProj = add("o_proj", linears.linear("o_proj", q, dim));
  }

  /** {@code [tokens, dim]} to the same, each token over those of its row up to itself. */
  Tensor forward(Pass pass, Tensor x, RotaryEmbedding.Tables rope, Reach reach) {
    long n = x.size(0);
    int dim = config.headDim();
    List<Tensor> qkv = qkvProj.forward(pass, x);
    Tensor q = qkv.get(0).reshape(n, config.numHeads(), dim);
    Tensor k = qkv.get(1).reshape(n, config.numKvHeads(), dim);
    Tensor v = qkv.get(2).reshape(n, config.numKvHeads(), dim);
    Operations ops = pass.engine().operations();
    Tensor mixed = reach.attend(ops, q, k, v, rope, 1 / Math.sqrt((double) dim));
    return oProj.forward(pass, mixed);
  }

  /** {@return queries, keys and values} */
  JoinedLinear qkvProj() {
    return qkvProj;
  }

  Linear oProj() {
    return oProj;
  }
}

package org.tune4j.models;

import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/** The MLP {@code down(silu(gate x) * up x)} (Shazeer 2020). */
final class SwiGlu extends Module {
  private final Linear gateProj;
  private final Linear upProj;
  private final Linear downProj;

  SwiGlu(DecoderConfig config, Linears linears) {
    long dim = config.hiddenSize();
    long wide = config.intermediateSize();
    gateProj = add("gate_proj", linears.mlp(dim, wide));
    upProj = add("up_proj", linears.mlp(dim, wide));
    downProj = add("down_proj", linears.mlp(wide, dim));
  }

  /** {@code [tokens, dim]} to the same. */
  Tensor forward(Pass pass, Tensor x) {
    Tensor gate = gateProj.forward(pass, x);
    Tensor up = upProj.forward(pass, x);
    return downProj.forward(pass, pass.engine().operations().swiGlu(gate, up));
  }
}

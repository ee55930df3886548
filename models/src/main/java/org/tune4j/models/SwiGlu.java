package org.tune4j.models;

import java.util.List;
import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/** The MLP {@code down(silu(gate x) * up x)} (Shazeer 2020). */
final class SwiGlu extends Module {
  private final JoinedLinear gateUpProj;
  private final Linear downProj;

  SwiGlu(DecoderConfig config, Linears linears) {
    long dim = config.hiddenSize();
    long wide = config.intermediateSize();
    Linear gateProj = add("gate_proj", linears.linear("gate_proj", dim, wide));
    Linear upProj = add("up_proj", linears.linear("up_proj", dim, wide));
    gateUpProj = new JoinedLinear(gateProj, upProj);
    downProj = add("down_proj", linears.linear("down_proj", wide, dim));
  }

  /** {@code [tokens, dim]} to the same. */
  Tensor forward(Pass pass, Tensor x) {
    List<Tensor> gateUp = gateUpProj.forward(pass, x);
    Tensor mixed = pass.engine().operations().swiGlu(gateUp.get(0), gateUp.get(1));
    return downProj.forward(pass, mixed);
  }

  JoinedLinear gateUpProj() {
    return gateUpProj;
  }

  Linear downProj() {
    return downProj;
  }
}

package org.tune4j.models.layers;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.PackedWeight;
import org.tune4j.tensor.Tensor;

/** Linears of the same input that are stored, and adapted, as one. */
final class FusedLinear implements Branches {
  private final Linear linear;
  private final long[] outs;

  FusedLinear(Linear linear, long... outs) {
    this.linear = linear;
    this.outs = outs;
  }

  @Override
  public List<Tensor> forward(Pass pass, Tensor x) {
    Tensor all = linear.forward(pass, x);
    List<Tensor> results = new ArrayList<>(outs.length);
    long from = 0;
    for (long out : outs) {
      results.add(all.narrow(1, from, out));
      from += out;
    }
    return results;
  }

  @Override
  public long keptPerToken() {
    return linear.keptPerToken();
  }

  @Override
  public Optional<PackedWeight> pack(Engine engine) {
    return linear.pack(engine);
  }

  @Override
  public void setPacked(PackedWeight packed) {
    linear.setPacked(packed);
  }
}

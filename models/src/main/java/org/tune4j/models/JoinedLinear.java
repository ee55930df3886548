package org.tune4j.models;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.PackedWeight;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Linears of the same input: one product where their weights are packed as one, else one each. */
final class JoinedLinear {
  private final List<Linear> parts;
  private volatile @Nullable PackedWeight packed;

  JoinedLinear(Linear... parts) {
    this.parts = List.of(parts);
  }

  /** {@code [n, out]} of each part, from {@code [n, in]}. */
  List<Tensor> forward(Pass pass, Tensor x) {
    PackedWeight w = packed;
    if (w == null) {
      return parts.stream().map(part -> part.forward(pass, x)).toList();
    }
    Tensor all = pass.engine().operations().linear(x, w);
    List<Tensor> results = new ArrayList<>(parts.size());
    long from = 0;
    for (Linear part : parts) {
      results.add(part.adapted(pass, x, all.narrow(1, from, part.out())));
      from += part.out();
    }
    return results;
  }

  /** The weights packed as one, which belongs to the innermost scope; empty where it cannot be. */
  Optional<PackedWeight> pack(Engine engine) {
    try (TensorScope scope = engine.openScope()) {
      Tensor all = Tensor.cat(parts.stream().map(part -> part.weight().tensor()).toList(), 0);
      return engine.operations().pack(all).map(scope::moveOut);
    }
  }

  /** Multiplies with the packed weights from now on. */
  void setPacked(PackedWeight packed) {
    this.packed = packed;
  }
}

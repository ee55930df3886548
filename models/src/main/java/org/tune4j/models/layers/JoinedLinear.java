package org.tune4j.models.layers;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.PackedWeight;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Linears of the same input: one product where their weights are packed as one, else one each. */
public final class JoinedLinear implements Branches {
  private final List<Linear> linears;
  private volatile @Nullable PackedWeight packed;

  /**
   * Joins linears, which stay modules of their own.
   *
   * @param linears of the same input
   */
  public JoinedLinear(Linear... linears) {
    this.linears = List.of(linears);
  }

  @Override
  public List<Tensor> forward(Pass pass, Tensor x) {
    PackedWeight w = packed;
    if (w == null) {
      Tensor in = pass.input(x);
      return linears.stream().map(linear -> linear.forward(pass, in)).toList();
    }
    Tensor all = pass.engine().operations().linear(x, w);
    List<Tensor> results = new ArrayList<>(linears.size());
    long from = 0;
    for (Linear linear : linears) {
      results.add(linear.complete(pass, x, all.narrow(1, from, linear.out())));
      from += linear.out();
    }
    return results;
  }

  @Override
  public long keptPerToken() {
    boolean input = linears.stream().anyMatch(Linear::keepsInput);
    return (input ? linears.get(0).in() : 0)
        + linears.stream().mapToLong(Linear::keptByAdapters).sum();
  }

  @Override
  public Optional<PackedWeight> pack(Engine engine) {
    try (TensorScope scope = engine.openScope()) {
      DType dtype = linears.get(0).dtype();
      Tensor all =
          Tensor.cat(linears.stream().map(l -> plain(l.weight().tensor(), dtype)).toList(), 0);
      Tensor wide = all.dtype() == dtype ? all : all.cast(dtype);
      return engine.operations().pack(wide).map(scope::moveOut);
    }
  }

  private static Tensor plain(Tensor weight, DType dtype) {
    return weight.dtype().isQuantised() ? weight.cast(dtype) : weight;
  }

  @Override
  public void setPacked(PackedWeight packed) {
    this.packed = packed;
  }
}

package org.tune4j.adapters.vera;

import java.util.Collection;
import org.tune4j.models.layers.Linear;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.Shape;

/**
 * What the adapters of a model share: {@code A}, {@code [rank, in]}, and {@code B}, {@code [out,
 * rank]}, frozen, as large as the largest linear; smaller ones use the first columns and rows.
 */
final class VeraProjections {
  static final String A = "vera_A";
  static final String B = "vera_B";

  private final Parameter a;
  private final Parameter b;

  VeraProjections(Collection<Linear> linears, int rank) {
    long in = linears.stream().mapToLong(Linear::in).max().orElseThrow();
    long out = linears.stream().mapToLong(Linear::out).max().orElseThrow();
    DType dtype = linears.iterator().next().adapterDtype();
    a = new Parameter(A, Shape.of(rank, in), dtype, false);
    b = new Parameter(B, Shape.of(out, rank), dtype, false);
  }

  Parameter a() {
    return a;
  }

  Parameter b() {
    return b;
  }

  /** Both of U(-sqrt(6/n), sqrt(6/n)), n being their last dimension; once. */
  void initialise(Engine engine, long seed) {
    for (Parameter p : new Parameter[] {a, b}) {
      if (!p.hasStorage()) {
        double bound = Math.sqrt(6.0 / p.shape().size(1));
        long own = RandomBits.bits(seed, p.name().charAt(p.name().length() - 1));
        p.set(engine.operations().uniform(own, -bound, bound, p.dtype(), p.shape()));
      }
    }
  }
}

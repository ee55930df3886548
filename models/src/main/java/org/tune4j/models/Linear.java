package org.tune4j.models;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.PackedWeight;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** {@code x W^T}, without a bias. */
sealed class Linear extends Module permits LoraLinear {
  private final Parameter weight;
  private volatile @Nullable PackedWeight packed;

  /** A linear with a weight of its own, {@code [out, in]}, without storage. */
  Linear(long in, long out, DType dtype, boolean trainable) {
    this(new Parameter("weight", Shape.of(out, in), dtype, trainable));
  }

  /** A linear over a weight that another module may hold too, as a tied head does. */
  Linear(Parameter weight) {
    this.weight = add(weight);
  }

  /** {@return {@code W}, of {@code [out, in]}} */
  public final Parameter weight() {
    return weight;
  }

  /** {@return the size of the last dimension that it takes} */
  public final long in() {
    return weight.shape().size(1);
  }

  /** {@return the size of the last dimension that it gives} */
  public final long out() {
    return weight.shape().size(0);
  }

  /**
   * {@return the product, {@code [n, out]}, owned by the calling thread's scope}
   *
   * @param pass the run of the model that this is part of
   * @param x {@code [n, in]}
   */
  public Tensor forward(Pass pass, Tensor x) {
    return adapted(pass, x, product(pass, x));
  }

  /** The weight's product alone, {@code [n, out]}. */
  final Tensor product(Pass pass, Tensor x) {
    PackedWeight w = packed;
    return w == null
        ? pass.engine().operations().linear(x, pass.value(weight))
        : pass.engine().operations().linear(x, w);
  }

  /** The product with what an adapter adds to it. */
  Tensor adapted(Pass pass, Tensor x, Tensor product) {
    return product;
  }

  /** Its weight packed, which belongs to the innermost scope; empty where it cannot be. */
  final Optional<PackedWeight> pack(Engine engine) {
    return engine.operations().pack(weight.tensor());
  }

  final boolean isPacked() {
    return packed != null;
  }

  /** Multiplies with a packed copy of the weight from now on. */
  final void setPacked(PackedWeight packed) {
    this.packed = packed;
  }

  @Override
  protected String details() {
    return "in=%d, out=%d".formatted(in(), out());
  }
}

package org.tune4j.models;

import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** {@code x W^T}, without a bias. */
sealed class Linear extends Module permits LoraLinear {
  private final Parameter weight;

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
    return pass.engine().operations().linear(x, pass.value(weight));
  }

  @Override
  protected String details() {
    return "in=%d, out=%d".formatted(in(), out());
  }
}

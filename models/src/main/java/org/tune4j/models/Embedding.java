package org.tune4j.models;

import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Rows of a table by token id. */
final class Embedding extends Module {
  private final Parameter weight;

  /** A table {@code [vocab, dim]} without storage. */
  Embedding(long vocab, long dim, DType dtype, boolean trainable) {
    weight = add(new Parameter("weight", Shape.of(vocab, dim), dtype, trainable));
  }

  /** {@code [vocab, dim]}. */
  Parameter weight() {
    return weight;
  }

  /** The ids' rows, {@code [tokens, dim]}. */
  Tensor forward(Pass pass, int[] tokens) {
    return pass.value(weight).indexSelect(pass.engine().indices(tokens));
  }

  @Override
  protected String details() {
    return "%d, %d".formatted(weight.shape().size(0), weight.shape().size(1));
  }
}

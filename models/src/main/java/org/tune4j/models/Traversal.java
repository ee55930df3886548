package org.tune4j.models;

import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/** A way through a decoder's parts, forward and backward, with rows whose labels are evaluated. */
abstract class Traversal {
  final Decoder model;
  final DecoderParts parts;
  final Pass pass;

  Traversal(Decoder model, Pass pass) {
    this.model = model;
    this.parts = model.residents();
    this.pass = pass;
  }

  /** What an objective gives, and its gradient at the hidden states where that was wanted. */
  record Evaluated(Objective.Sums sums, @Nullable Tensor gradient) {}

  /** Evaluates the hidden states of the labels, {@code [labels, dim]}. */
  @FunctionalInterface
  interface AtHead {
    Evaluated of(Tensor selected, boolean wantsGradient);
  }

  /** Runs rows, at least one of which has a label, in a scope of the caller's. */
  abstract Objective.Sums run(LabelledRows rows, AtHead head);
}

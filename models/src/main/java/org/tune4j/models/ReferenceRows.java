package org.tune4j.models;

import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/**
 * The same rows in the model that they are compared with, at its head.
 *
 * @param model itself without adapters, or another
 * @param pass of this thread, of which nothing is recorded
 * @param selected the hidden states of the same positions, {@code [n, dim]}
 */
record ReferenceRows(Decoder model, Pass pass, Tensor selected) {
  /** The logits of some positions, {@code [length, vocab]}. */
  Tensor logits(int start, int length) {
    return model.project(pass, selected.narrow(0, start, length));
  }
}

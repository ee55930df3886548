package org.tune4j.models;

import org.tune4j.nn.Objective;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** One forward, which keeps all that one backward needs; without gradients it keeps nothing. */
final class AllAtOnce extends Traversal {
  AllAtOnce(Decoder model, Pass pass) {
    super(model, pass);
  }

  @Override
  Objective.Sums run(LabelledRows rows, AtHead head) {
    Tensor selected = selected(rows);
    parts.enter(parts.last());
    Evaluated result = head.of(selected, selected.requiresGradient());
    parts.leave(pass, parts.last());
    if (result.gradient() != null) {
      pass.backward(selected, result.gradient());
    }
    return result.sums();
  }

  /** The hidden states of the labels, {@code [labels, dim]}. */
  Tensor selected(LabelledRows rows) {
    try (TensorScope scope = pass.engine().openScope()) {
      Tensor hidden = model.hidden(pass, rows.rows());
      return scope.moveOut(hidden.indexSelect(pass.engine().indices(rows.positions())));
    }
  }
}

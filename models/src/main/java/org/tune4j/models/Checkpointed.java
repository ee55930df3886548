package org.tune4j.models;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Keeps the layers' inputs alone, and computes each layer again for its backward. */
final class Checkpointed extends Traversal {
  Checkpointed(Decoder model, Pass pass) {
    super(model, pass);
  }

  @Override
  Objective.Sums run(LabelledRows rows, AtHead head) {
    int lowest = model.lowestTrained();
    Decoder.LayerForward forward = model.over(pass, rows.rows());
    List<Tensor> inputs = new ArrayList<>();
    long first = pass.dropoutPosition();
    long[] dropout = new long[model.layers().size()];
    Tensor hidden = forward(rows, forward, lowest, inputs, dropout);
    boolean wantsGradient = lowest < model.layers().size();
    Tensor top = wantsGradient ? hidden.leaf() : hidden;
    Tensor selected = top.indexSelect(pass.engine().indices(rows.positions()));
    parts.enter(parts.last());
    Evaluated result = head.of(selected, wantsGradient);
    pass.lossKnown(result.sums().loss());
    pass.gradientsWhole(parts.above());
    parts.leave(pass, parts.last());
    if (result.gradient() == null) {
      return result.sums();
    }
    pass.backward(selected, result.gradient());
    Tensor gradient = backward(forward, lowest, inputs, dropout, top.gradient().orElseThrow());
    if (gradient != null) {
      pass.seekDropout(first);
      parts.enter(0);
      pass.backward(model.embed(pass, rows.rows()), gradient);
      pass.gradientsWhole(parts.below());
      parts.leave(pass, 0);
    }
    return result.sums();
  }

  /**
   * The residual stream after the last layer.
   *
   * @param lowest the first layer whose input is kept
   * @param inputs gets them
   * @param dropout gets each layer's position in the pass's dropouts
   */
  private Tensor forward(
      LabelledRows rows,
      Decoder.LayerForward forward,
      int lowest,
      List<Tensor> inputs,
      long[] dropout) {
    try (Engine.NoGradient off = pass.engine().noGradient()) {
      Tensor h = model.embedded(pass, rows.rows());
      for (int i = 0; i < dropout.length; i++) {
        dropout[i] = pass.dropoutPosition();
        parts.enter(1 + i);
        Tensor next = forward.of(i, h);
        parts.leave(pass, 1 + i);
        if (i >= lowest) {
          inputs.add(h);
        } else {
          h.close();
        }
        h = next;
      }
      return h;
    }
  }

  /**
   * The layers from the last to the lowest; the gradient of the first part where that is trained.
   */
  private @Nullable Tensor backward(
      Decoder.LayerForward forward,
      int lowest,
      List<Tensor> inputs,
      long[] dropout,
      Tensor gradient) {
    for (int i = dropout.length - 1; i >= lowest; i--) {
      pass.seekDropout(dropout[i]);
      Tensor input = inputs.get(i - lowest);
      boolean further = i > lowest || parts.trainsBelow();
      parts.enter(1 + i);
      Tensor below = repeat(forward, i, input, gradient, further);
      gradient.close();
      input.close();
      pass.gradientsWhole(model.layers().get(i).parameters().values());
      parts.leave(pass, 1 + i);
      if (below == null) {
        return null;
      }
      gradient = below;
    }
    return gradient;
  }

  /** A layer's forward again, recorded, and its backward; the gradient of its input if wanted. */
  private @Nullable Tensor repeat(
      Decoder.LayerForward forward, int layer, Tensor input, Tensor gradient, boolean further) {
    try (TensorScope scope = pass.engine().openScope()) {
      Tensor x = further ? input.leaf() : input.detach();
      Tensor y = forward.of(layer, x);
      if (y.requiresGradient()) {
        pass.backward(y, gradient);
      }
      return further ? scope.moveOut(x.gradient().orElseThrow()) : null;
    }
  }
}

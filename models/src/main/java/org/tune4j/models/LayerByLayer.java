package org.tune4j.models;

import java.util.ArrayList;
import java.util.List;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/**
 * One forward and a backward a layer, each of which streams the gradients that are whole; the same
 * bits as {@link AllAtOnce}, for the residual stream is all that leads from layer to layer.
 */
final class LayerByLayer extends Traversal {
  LayerByLayer(Decoder model, Pass pass) {
    super(model, pass);
  }

  @Override
  Objective.Sums run(LabelledRows rows, AtHead head) {
    Decoder.LayerForward forward = model.over(pass, rows.rows());
    List<Tensor> outputs = new ArrayList<>(List.of(model.embedded(pass, rows.rows())));
    List<Tensor> inputs = new ArrayList<>();
    for (int i = 0; i < model.layers().size(); i++) {
      inputs.add(cut(outputs.get(i)));
      outputs.add(forward.of(i, inputs.get(i)));
    }
    inputs.add(cut(outputs.get(outputs.size() - 1)));
    Tensor last = inputs.get(inputs.size() - 1);
    Tensor selected = last.indexSelect(pass.engine().indices(rows.positions()));
    Evaluated result = head.of(selected, selected.requiresGradient());
    pass.lossKnown(result.sums().loss());
    pass.gradientsWhole(parts.above());
    if (result.gradient() != null) {
      pass.backward(selected, result.gradient());
      selected.close();
      backward(inputs, outputs);
    }
    return result.sums();
  }

  /** Where gradients flow through it, the tensor as the beginning of a graph of its own. */
  private static Tensor cut(Tensor below) {
    return below.requiresGradient() ? below.leaf() : below;
  }

  private void backward(List<Tensor> inputs, List<Tensor> outputs) {
    for (int i = outputs.size() - 1; i >= 0 && outputs.get(i).requiresGradient(); i--) {
      Tensor gradient = inputs.get(i).gradient().orElseThrow();
      pass.backward(outputs.get(i), gradient);
      for (Tensor done : List.of(gradient, inputs.get(i), outputs.get(i))) {
        done.close();
      }
      pass.gradientsWhole(i == 0 ? parts.below() : model.layers().get(i - 1).parameters().values());
    }
  }
}

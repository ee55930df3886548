package org.tune4j.rollouts;

import java.util.Map;
import org.tune4j.adapters.Adapters;
import org.tune4j.models.Decoder;
import org.tune4j.models.PackedWeights;
import org.tune4j.models.Quantisation;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;

/** The model that is trained, as sampling reads it. */
public final class SamplingModel {
  private SamplingModel() {}

  /**
   * {@return another decoder over the same tensors, adapters included, which so has every update}
   *
   * @param engine its tensors'
   * @param trained with weights
   * @param packed whether it multiplies with packed copies of the frozen weights, where these can
   *     be packed; they belong to the innermost scope
   */
  public static Decoder of(Engine engine, Decoder trained, boolean packed) {
    Decoder same = trained.model().build(trained.precision().stored());
    same.computeIn(trained.precision());
    trained.adapter().ifPresent(same::adapt);
    Map<String, Tensor> tensors = StateDict.of(trained);
    StateDict.load(same, tensors, true);
    Adapters.derive(engine, same, tensors::get);
    if (packed && !Quantisation.isIn(trained)) {
      PackedWeights.of(engine, same).ifPresent(same::setPacked);
    }
    same.parameters().values().forEach(p -> p.setTrainable(false));
    return same;
  }
}

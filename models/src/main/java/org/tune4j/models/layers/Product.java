package org.tune4j.models.layers;

import java.util.Optional;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.PackedWeight;

/** Linears that are multiplied at once: one, or several of the same input. */
public sealed interface Product permits Linear, Branches {
  /** {@return elements of the input and of adapters that a token keeps for backward} */
  long keptPerToken();

  /**
   * {@return the weights packed as one, which belongs to the innermost scope; empty where the
   * backend does not pack this type or on this device}
   *
   * @param engine the weights'
   */
  Optional<PackedWeight> pack(Engine engine);

  /**
   * Multiplies with a packed copy of the weights from now on; nothing is recorded for gradients.
   *
   * @param packed of {@link #pack}; outlives this
   */
  void setPacked(PackedWeight packed);
}

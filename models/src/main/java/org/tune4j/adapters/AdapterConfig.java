package org.tune4j.adapters;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.tune4j.InputException;
import org.tune4j.models.layers.Adapter;
import org.tune4j.models.layers.Linear;

/** How a model is adapted: which linears, and by what. Immutable. */
public interface AdapterConfig {
  /** {@return the type that reads what is saved of it} */
  AdapterType type();

  /** {@return the linears that are adapted} */
  TargetModules targets();

  /**
   * {@return the adapter of one linear, without storage}
   *
   * @param path of the linear in the model
   * @param linear one of the {@link #targets}
   */
  Adapter create(String path, Linear linear);

  /**
   * {@return the fields of {@code adapter_config.json} besides {@code base_model_name_or_path}, as
   * plain values; null where PEFT writes null}
   *
   * @param targetModules the adapted linears: names where all of a name are adapted, else paths
   */
  Map<String, Object> peftFields(List<String> targetModules);

  /**
   * How training goes on from a saved adapter. Its tensors decide which layers are adapted; this
   * must ask for the same modules.
   *
   * @param saved of the same type
   * @param linears paths of all the model's linears
   * @return the saved adapter's, with what only training needs from this
   * @throws InputException naming what differs
   */
  default AdapterConfig resume(SavedAdapter saved, Collection<String> linears) {
    saved.requireTargets(targets(), linears);
    return saved.config();
  }
}

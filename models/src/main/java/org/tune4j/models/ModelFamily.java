package org.tune4j.models;

import java.util.Set;

/**
 * An architecture: what it reads from {@code config.json} and the model that it builds. Modules
 * bear the names of the stored tensors. A plugin's family is found by {@link
 * java.util.ServiceLoader}.
 */
public interface ModelFamily extends ModelReader {
  /** {@return the values of {@code model_type} that are its own} */
  Set<String> modelTypes();

  /**
   * {@return the values of {@code model_type} of image models whose text model may be of this
   * family; it reads their {@code text_config}}
   */
  default Set<String> imageModelTypes() {
    return Set.of();
  }
}

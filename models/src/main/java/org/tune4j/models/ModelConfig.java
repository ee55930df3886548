package org.tune4j.models;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.tune4j.tensor.DType;

/**
 * A model's architecture, as its {@code config.json} says it. Immutable; two are equal where they
 * build the same model.
 */
public interface ModelConfig {
  /** {@return the family that reads a {@code config.json} of this architecture} */
  ModelFamily family();

  /** {@return the sizes that all decoders have} */
  DecoderConfig sizes();

  /**
   * {@return the model as its checkpoint is: without adapters, trainable, without storage}
   *
   * @param dtype of every parameter
   */
  Decoder build(DType dtype);

  /**
   * {@return what changes a forward pass, by the names of {@code config.json}; values may be null}
   */
  default Map<String, Object> facts() {
    return sizes().facts();
  }

  /**
   * {@return how another differs, as {@code rope_theta is 10000.0, expected 500000.0}}
   *
   * @param other of a checkpoint
   */
  default List<String> differences(ModelConfig other) {
    List<String> found = new ArrayList<>();
    Map<String, Object> others = other.facts();
    facts()
        .forEach(
            (key, expected) -> {
              Object actual = others.get(key);
              if (!Objects.equals(expected, actual)) {
                found.add("%s is %s, expected %s".formatted(key, actual, expected));
              }
            });
    return found;
  }
}

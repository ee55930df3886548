package org.tune4j.models;

import org.tune4j.checkpoint.JsonFields;

/** Reads what a {@code config.json} says of an architecture. */
@FunctionalInterface
public interface ModelReader {
  /**
   * {@return the architecture}
   *
   * @param config of a checkpoint
   * @throws org.tune4j.InputException when it is of another kind, or a field is missing, ill-typed
   *     or asks for something that is not computed
   */
  ModelConfig read(JsonFields config);
}

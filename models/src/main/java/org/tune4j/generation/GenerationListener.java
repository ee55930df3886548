package org.tune4j.generation;

/** Follows texts while they are generated, in the generating thread. */
@FunctionalInterface
public interface GenerationListener {
  /** Hears nothing. */
  GenerationListener NONE = (index, text) -> {};

  /**
   * More of a text: whole characters, never a part of a stop string.
   *
   * @param index of the prompt
   * @param text not empty
   */
  void onText(int index, String text);

  /** Whether to end all texts; asked before every pass of the model. */
  default boolean cancelled() {
    return false;
  }
}

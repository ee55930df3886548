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

  /**
   * {@return whether to end all texts; asked before each prompt is read and before each further
   * token}
   */
  default boolean cancelled() {
    return false;
  }

  /**
   * {@return whether {@link #onPromptLogits} is to be called, which costs the head for every token}
   */
  default boolean readsPrompt() {
    return false;
  }

  /**
   * What the model says after a token of a prompt.
   *
   * @param index of the prompt
   * @param position of the token in the prompt, from 0
   * @param logits of every token that may follow, {@code [vocab]}; not to be kept
   */
  default void onPromptLogits(int index, int position, float[] logits) {}

  /**
   * What the next token is chosen from.
   *
   * @param index of the prompt
   * @param logits of every token, {@code [vocab]}, nothing applied to them; not to be kept
   */
  default void onLogits(int index, float[] logits) {}

  /**
   * The next token is chosen; the one that ends a text too.
   *
   * @param index of the prompt
   * @param id the token's
   */
  default void onToken(int index, int id) {}
}

package org.tune4j.recipe;

/**
 * A job that a config describes. Its {@link org.tune4j.component.Component} constructor takes the
 * config's top-level keys; building one checks arguments and loads nothing.
 */
public interface Recipe {
  /**
   * Runs to the end.
   *
   * @throws org.tune4j.TuneException for what the user can mend
   */
  void run(RunContext context);

  /** Whether several ranks run it together. */
  default boolean distributed() {
    return false;
  }
}

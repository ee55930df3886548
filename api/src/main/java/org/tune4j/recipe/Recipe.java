package org.tune4j.recipe;

/**
 * A job that a config describes. Its {@link org.tune4j.component.Component} constructor takes the
 * config's top-level keys; building one checks arguments and loads nothing.
 */
public interface Recipe {
  /**
   * Runs to the end.
   *
   * @param context where it prints, what may stop it, and its other ranks
   * @throws org.tune4j.TuneException for what the user can mend
   */
  void run(RunContext context);

  /** {@return whether several ranks run it together} */
  default boolean distributed() {
    return false;
  }

  /**
   * {@return whether several runs of it can take turns in one process} Such a run opens its engine
   * with {@link RunContext#ranks}, loads what is frozen {@linkplain
   * org.tune4j.collective.ProcessGroup#once once}, and asks {@link RunContext#stopRequested} after
   * every step.
   */
  default boolean takesTurns() {
    return false;
  }
}

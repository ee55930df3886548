package org.tune4j.recipe;

import java.nio.file.Path;
import java.util.Map;

/**
 * Hears of a run while it is under way. Called by the thread that runs it, between two steps: the
 * run waits meanwhile, and what is thrown ends it.
 */
public interface RunListener {
  /** Hears nothing. */
  RunListener NONE = new RunListener() {};

  /**
   * A step is made.
   *
   * @param step from 1
   * @param totalSteps of the whole run
   * @param metrics by the names that {@code metrics.jsonl} has, such as {@code loss}
   */
  default void step(long step, long totalSteps, Map<String, Number> metrics) {}

  /**
   * A result is on the disk as a whole.
   *
   * @param folder such as an epoch's adapter
   */
  default void saved(Path folder) {}

  /**
   * The run ends before its last step, as it was asked to.
   *
   * @param checkpoint from which it can go on
   */
  default void stopped(Path checkpoint) {}
}

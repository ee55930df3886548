package org.tune4j.metrics;

import java.io.IOException;

/**
 * Carries a run's metrics to somewhere. What it throws ends or delays the logger, never the run.
 *
 * <p>Third parties bring their own as a {@link org.tune4j.component.Component} that implements
 * {@link Spec}.
 */
public interface MetricLogger {
  /** What a config names under {@code metric_logger}; building one touches nothing. */
  interface Spec {
    /** {@return the component's name, for messages} */
    String name();

    /**
     * Opens the logger for a run that begins or goes on.
     *
     * <p>A run that goes on has {@link LoggedRun#earlier} steps behind it: afterwards all of them
     * are to be where the metrics go, each once, and no later one.
     *
     * @param run its folder, config and earlier steps
     * @return open; closed by {@link MetricLogger#close}
     * @throws IOException when it cannot be opened; see {@link #remote} for what follows
     */
    MetricLogger open(LoggedRun run) throws IOException;

    /**
     * Whether it waits for others, such as a server. All its methods are then called on a thread of
     * its own. After an {@link IOException} the same call is made again, later; it must be safe to
     * repeat.
     *
     * <p>Otherwise all methods are called between two steps, and any exception is the last thing
     * that is heard of the logger.
     *
     * @return false unless it says otherwise
     */
    default boolean remote() {
      return false;
    }
  }

  /** How a run ended. */
  enum Outcome {
    /** All steps are made, or early stopping ended it. */
    FINISHED,
    /** Its user stopped it; it may go on. */
    STOPPED,
    /** An error ended it; it may go on. */
    FAILED
  }

  /**
   * Takes a step's metrics; may keep them until {@link #flush}.
   *
   * @param metrics of the step after the last one
   * @throws IOException when they cannot be taken; see {@link Spec#remote}
   */
  void log(StepMetrics metrics) throws IOException;

  /**
   * Brings what was logged to its place. Called when no further step waits.
   *
   * @throws IOException when it cannot be brought; see {@link Spec#remote}
   */
  default void flush() throws IOException {}

  /**
   * The last call. All that was logged has been flushed, unless that failed.
   *
   * @param outcome how the run ended
   * @throws IOException when something is lost by it
   */
  void close(Outcome outcome) throws IOException;
}

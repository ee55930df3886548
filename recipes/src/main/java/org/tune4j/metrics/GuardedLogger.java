package org.tune4j.metrics;

import java.io.IOException;
import java.util.function.Consumer;
import org.tune4j.TuneException;

/** A logger that throws nothing. Used by the thread that makes the steps. */
sealed interface GuardedLogger permits LocalLogger, RemoteLogger {
  void log(StepMetrics metrics);

  /** No step follows. */
  void end(MetricLogger.Outcome outcome);

  /**
   * Returns once it is closed, or at the deadline.
   *
   * @param deadline of {@link System#nanoTime}
   */
  void awaitEnd(long deadline);

  /** Says what there is to say, once. */
  void tell(Consumer<String> warn);

  /** Why something failed, in one line. */
  static String reason(Throwable e) {
    String message = String.valueOf(e.getMessage()).strip().replaceAll("\\s*[\\r\\n]+\\s*", " ");
    return e instanceof TuneException || e.getClass() == IOException.class
        ? message
        : e.getClass().getSimpleName() + ": " + message;
  }
}

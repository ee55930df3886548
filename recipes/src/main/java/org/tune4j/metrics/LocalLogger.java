package org.tune4j.metrics;

import java.io.IOException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.tune4j.metrics.MetricLogger.Outcome;

/** Calls a logger at once; gives it up when it fails. */
final class LocalLogger implements GuardedLogger {
  private final String name;
  private @Nullable MetricLogger logger;
  private @Nullable String warning;

  LocalLogger(MetricLogger.Spec spec, LoggedRun run) {
    name = spec.name();
    try {
      logger = spec.open(run);
    } catch (Exception | LinkageError e) { // a plugin may throw anything
      giveUp(e);
    }
  }

  @Override
  public void log(StepMetrics metrics) {
    if (logger != null) {
      try {
        logger.log(metrics);
        logger.flush();
      } catch (Exception | LinkageError e) {
        closeQuietly(logger);
        giveUp(e);
      }
    }
  }

  @Override
  public void end(Outcome outcome) {
    if (logger != null) {
      try {
        logger.close(outcome);
      } catch (Exception | LinkageError e) {
        giveUp(e);
      }
    }
  }

  private void giveUp(Throwable e) {
    logger = null;
    warning =
        "%s is dropped: %s; the run continues, and logs/metrics.jsonl has every step"
            .formatted(name, GuardedLogger.reason(e));
  }

  private static void closeQuietly(MetricLogger failed) {
    try {
      failed.close(Outcome.FAILED);
    } catch (IOException | RuntimeException | LinkageError e) {
      // It has failed already, and that is what is said.
    }
  }

  @Override
  public void awaitEnd(long deadline) {}

  @Override
  public void tell(Consumer<String> warn) {
    if (warning != null) {
      warn.accept(warning);
      warning = null;
    }
  }
}

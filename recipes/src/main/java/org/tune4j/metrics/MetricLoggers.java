package org.tune4j.metrics;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.tune4j.metrics.MetricLogger.Outcome;

/**
 * All loggers of a run. None can stop it, and none that is remote can delay a step: what fails is
 * said in one line, by the thread that makes the steps.
 */
public final class MetricLoggers {
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(10);

  private final List<GuardedLogger> loggers;
  private final Consumer<String> warn;
  private final Duration closeLimit;

  MetricLoggers(List<GuardedLogger> loggers, Consumer<String> warn, Duration closeLimit) {
    this.loggers = loggers;
    this.warn = warn;
    this.closeLimit = closeLimit;
    tell();
  }

  /**
   * Opens what a config names. One that fails is given up or tried again, as its kind is; that is
   * said, not thrown.
   *
   * @param specs in the order in which they get each step
   * @param run as it is now
   * @param warn takes a line; called by the threads that call this object only
   * @return open; {@link #close} is its last call
   */
  public static MetricLoggers open(
      List<MetricLogger.Spec> specs, LoggedRun run, Consumer<String> warn) {
    List<GuardedLogger> loggers =
        specs.stream()
            .<GuardedLogger>map(
                s -> s.remote() ? new RemoteLogger(s, run) : new LocalLogger(s, run))
            .toList();
    return new MetricLoggers(loggers, warn, CLOSE_LIMIT);
  }

  /**
   * Hands a step to each.
   *
   * @param metrics of the step after the last one
   */
  public void log(StepMetrics metrics) {
    loggers.forEach(l -> l.log(metrics));
    tell();
  }

  /**
   * Closes all; remote ones have ten seconds between them for what they still hold.
   *
   * @param outcome how the run ended
   */
  public void close(Outcome outcome) {
    loggers.forEach(l -> l.end(outcome));
    long deadline = System.nanoTime() + closeLimit.toNanos();
    loggers.forEach(l -> l.awaitEnd(deadline));
    tell();
  }

  private void tell() {
    loggers.forEach(l -> l.tell(warn));
  }
}

package org.tune4j.runs;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.metrics.MetricLogger;
import org.tune4j.metrics.StepMetrics;

/**
 * Keys of every recipe that trains: what is told of its steps, and to whom.
 *
 * @param logEveryNSteps steps between two that are shown and go to loggers
 * @param metricLogger where metrics go besides {@code logs/metrics.jsonl}; null for nowhere
 */
public record LoggingOptions(
    @Doc("print and log every n-th step") @Default("1") int logEveryNSteps,
    @Doc("destinations besides logs/metrics.jsonl: null, one or a list")
        @Nullable List<MetricLogger.Spec> metricLogger) {
  /**
   * Checks the number.
   *
   * @throws org.tune4j.UsageException when it is less
   */
  public LoggingOptions {
    new Requirements().atLeast(1, "log_every_n_steps", logEveryNSteps).check();
  }

  /** The loggers that the config names. */
  List<MetricLogger.Spec> loggers() {
    return metricLogger == null ? List.of() : metricLogger;
  }

  /** Whether a step is told: every few, the last, and those with a validation or an evaluation. */
  boolean due(StepMetrics metrics, long totalSteps) {
    return metrics.step() % logEveryNSteps == 0
        || metrics.step() == totalSteps
        || metrics.valLoss() != null
        || !metrics.scores().isEmpty();
  }
}

package org.tune4j.metrics;

import java.io.PrintStream;
import java.util.Map;
import org.tune4j.component.Component;

/** Prints a line a step, in the form of torchtune's: {@code Step 1 | loss:2.5 lr:3.0E-4 ...}. */
public final class StdoutLogger implements MetricLogger.Spec {
  /** A logger to the run's terminal. */
  @Component(
      value = "stdout_logger",
      aliases = {"torchtune.training.metric_logging.StdoutLogger"})
  public StdoutLogger() {}

  @Override
  public String name() {
    return "stdout_logger";
  }

  @Override
  public MetricLogger open(LoggedRun run) {
    PrintStream out = run.context().out();
    String start = run.context().terminal() ? "\r\u001b[K" : ""; // in place of the progress bar
    return new MetricLogger() {
      @Override
      public void log(StepMetrics metrics) {
        out.println(start + line(metrics));
      }

      @Override
      public void close(Outcome outcome) {
        out.flush();
      }
    };
  }

  /** A step in one line. */
  static String line(StepMetrics metrics) {
    StringBuilder line = new StringBuilder("Step ").append(metrics.step()).append(" |");
    for (Map.Entry<String, Number> value : metrics.values().entrySet()) {
      line.append(' ').append(value.getKey()).append(':').append(value.getValue());
    }
    return line.toString();
  }
}

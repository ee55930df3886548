package org.tune4j.metrics;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import org.tune4j.EnvironmentException;
import org.tune4j.recipe.RunContext;

/**
 * A run as its loggers find it when they open.
 *
 * @param context the resolved config, by dotted path and as YAML, and the terminal
 * @param outputDir the run's folder
 * @param step the last step that was made, by an earlier process; 0 in a run that begins
 * @param earlier the metrics of the steps up to then, as far as loggers are to have them
 * @param notes what the same run's loggers noted in an earlier process
 */
public record LoggedRun(
    RunContext context, Path outputDir, long step, List<StepMetrics> earlier, RunNotes notes) {
  public LoggedRun {
    earlier = List.copyOf(earlier);
  }

  /**
   * Finds what an earlier process of the run has left.
   *
   * @param context config and terminal
   * @param outputDir the run's folder, in which {@code logs} exists
   * @param step the last step that was made: the run goes on behind it. 0 for a run that begins,
   *     whose folder's earlier metrics and notes are another run's
   * @param wanted which of its steps loggers are to have
   * @return what loggers are opened with
   * @throws EnvironmentException when its folder cannot be read or written
   */
  public static LoggedRun open(
      RunContext context, Path outputDir, long step, Predicate<StepMetrics> wanted) {
    Path logs = outputDir.resolve("logs");
    List<StepMetrics> earlier = MetricsFile.read(logs, step).stream().filter(wanted).toList();
    return new LoggedRun(context, outputDir, step, earlier, RunNotes.open(logs, step == 0));
  }

  /** {@return where logs go unless a config says otherwise} */
  public Path logs() {
    return outputDir.resolve("logs");
  }
}

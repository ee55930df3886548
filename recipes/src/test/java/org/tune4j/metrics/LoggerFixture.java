package org.tune4j.metrics;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.tune4j.recipe.RunContext;
import org.tune4j.recipe.RunListener;

/** Runs and steps for tests of loggers. */
final class LoggerFixture {
  private LoggerFixture() {}

  static StepMetrics step(long step) {
    return new StepMetrics(
        step,
        0,
        4.0 / step,
        1e-3,
        0.5,
        10,
        20,
        0.25,
        100,
        step % 5 == 0 ? 1.5 : null,
        Map.of(),
        null,
        Map.of());
  }

  static List<StepMetrics> steps(long from, long to) {
    return LongStream.rangeClosed(from, to).mapToObj(LoggerFixture::step).toList();
  }

  static LoggedRun run(Path output, long made, Map<String, String> settings, PrintStream out)
      throws java.io.IOException {
    java.nio.file.Files.createDirectories(output.resolve("logs"));
    RunContext context =
        new RunContext(
            null, "", settings, "", out, false, false, () -> false, null, RunListener.NONE);
    return new LoggedRun(
        context, output, made, steps(1, made), RunNotes.open(output.resolve("logs"), made == 0));
  }

  static LoggedRun run(Path output, long made) throws java.io.IOException {
    return run(output, made, Map.of("optimizer.lr", "3e-4"), System.out);
  }
}

package org.tune4j.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.metrics.MetricLogger.Outcome;
import org.tune4j.tensor.DType;

/** What loggers may do to a run: nothing. */
class MetricLoggersTest {
  @TempDir Path output;
  private final List<String> warnings = new ArrayList<>();

  /** Fails as it is told and keeps what it gets. */
  private static final class Fake implements MetricLogger.Spec, MetricLogger {
    final List<Long> steps = Collections.synchronizedList(new ArrayList<>());
    final boolean remote;
    volatile int failures;
    volatile Exception failure = new IOException("no route");
    volatile Outcome outcome;
    CountDownLatch hold = new CountDownLatch(0);

    Fake(boolean remote) {
      this.remote = remote;
    }

    @Override
    public String name() {
      return "fake";
    }

    @Override
    public boolean remote() {
      return remote;
    }

    @Override
    public MetricLogger open(LoggedRun run) {
      return this;
    }

    @Override
    public void log(StepMetrics metrics) throws IOException {
      try {
        hold.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException(e);
      }
      if (failures > 0) {
        failures--;
        if (failure instanceof IOException e) {
          throw e;
        }
        throw (RuntimeException) failure;
      }
      steps.add(metrics.step());
    }

    @Override
    public void close(Outcome how) {
      outcome = how;
    }
  }

  private MetricLoggers loggers(Duration limit, MetricLogger.Spec... specs) throws IOException {
    LoggedRun run = LoggerFixture.run(output, 0);
    List<GuardedLogger> all = new ArrayList<>();
    for (MetricLogger.Spec s : specs) {
      all.add(s.remote() ? new RemoteLogger(s, run, 5) : new LocalLogger(s, run));
    }
    return new MetricLoggers(all, warnings::add, limit);
  }

  @Test
  void log_localLoggerFails_oneWarningAndTheOthersGoOn() throws IOException {
    Fake broken = new Fake(false);
    broken.failures = 2;
    Fake whole = new Fake(false);
    MetricLoggers loggers = loggers(Duration.ofMinutes(5), broken, whole);
    LoggerFixture.steps(1, 3).forEach(loggers::log);
    loggers.close(Outcome.FINISHED);
    assertEquals(List.of(1L, 2L, 3L), whole.steps);
    assertEquals(List.of(), broken.steps);
    assertEquals(
        List.of(
            "fake is dropped: no route; the run continues, and logs/metrics.jsonl has every step"),
        warnings);
    assertEquals(Outcome.FINISHED, whole.outcome);
  }

  @Test
  void log_remoteLoggerFailsForAWhile_triedAgainAndNothingIsLost() throws IOException {
    Fake flaky = new Fake(true);
    flaky.failures = 1;
    MetricLoggers loggers = loggers(Duration.ofMinutes(5), flaky);
    LoggerFixture.steps(1, 3).forEach(loggers::log);
    loggers.close(Outcome.STOPPED);
    assertEquals(List.of(1L, 2L, 3L), flaky.steps);
    assertEquals(List.of("fake: no route; retrying while the run continues"), warnings);
    assertEquals(Outcome.STOPPED, flaky.outcome);
  }

  @Test
  void log_remoteLoggerRefused_givenUp() throws IOException {
    Fake refused = new Fake(true);
    refused.failures = 1;
    refused.failure = new IllegalStateException("not you");
    MetricLoggers loggers = loggers(Duration.ofMinutes(5), refused);
    LoggerFixture.steps(1, 3).forEach(loggers::log);
    loggers.close(Outcome.FINISHED);
    assertEquals(List.of(), refused.steps);
    assertEquals(1, warnings.size(), warnings.toString());
    assertTrue(warnings.get(0).startsWith("fake is dropped: IllegalStateException: not you;"));
  }

  @Test
  void log_remoteLoggerHangs_noStepWaitsAndTheEndIsBounded() throws IOException {
    Fake hanging = new Fake(true);
    hanging.hold = new CountDownLatch(1);
    MetricLoggers loggers = loggers(Duration.ofMillis(300), hanging);
    long start = System.nanoTime();
    LoggerFixture.steps(1, 50).forEach(loggers::log); // ten times what the queue holds
    loggers.close(Outcome.FINISHED);
    double seconds = (System.nanoTime() - start) * 1e-9;
    assertTrue(seconds > 0.2, seconds + " s");
    assertEquals(
        List.of(
            "fake: 50 steps were not delivered, and the end of the run was not either; logs/metrics.jsonl has every step"),
        warnings);
  }

  @Test
  void disk_resumedInAFileOfTwoRuns_replacesOnlyItsOwnPart() throws IOException {
    Path file = output.resolve("logs/log.txt");
    Files.createDirectories(file.getParent());
    Files.writeString(file, "an earlier run\n");
    DiskLogger spec = new DiskLogger(null, "log.txt");
    MetricLogger killed = spec.open(LoggerFixture.run(output, 0));
    for (StepMetrics m : LoggerFixture.steps(1, 4)) {
      killed.log(m);
    }
    MetricLogger resumed = spec.open(LoggerFixture.run(output, 2));
    resumed.log(LoggerFixture.step(3));
    resumed.close(Outcome.FINISHED);
    List<String> lines = Files.readAllLines(file);
    assertEquals(4, lines.size(), lines.toString());
    assertEquals("an earlier run", lines.get(0));
    assertTrue(lines.get(1).startsWith("Step 1 | epoch:0 loss:4.0 lr:0.001 "), lines.get(1));
    assertTrue(lines.get(3).startsWith("Step 3 | "), lines.get(3));
  }

  @Test
  void stdout_step_oneLine() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    LoggedRun run = LoggerFixture.run(output, 0, Map.of(), new PrintStream(out));
    new StdoutLogger().open(run).log(LoggerFixture.step(5));
    assertEquals(
        "Step 5 | epoch:0 loss:0.8 lr:0.001 grad_norm:0.5 label_tokens:10 tokens:20 seconds:0.25 tokens_per_second:80.0 rss_mb:100 val_loss:1.5",
        out.toString().strip());
  }

  @Test
  void wandb_open_saysWhatToDoInstead() throws IOException {
    loggers(Duration.ofSeconds(1), new WandbLogger("p", null, null, null, null, null, null));
    assertEquals(
        "wandb_logger is dropped: Weights & Biases has no maintained Java client; use tensorboard_logger and upload its folder with `wandb sync FOLDER`; the run continues, and logs/metrics.jsonl has every step",
        warnings.get(0));
  }

  @Test
  void metricsFile_readBack_sameMetrics() {
    Path dir = output.resolve("logs");
    try (MetricsFile file = MetricsFile.open(dir, 0, DType.FP32)) {
      LoggerFixture.steps(1, 6).forEach(file::append);
    }
    assertEquals(LoggerFixture.steps(1, 5), MetricsFile.read(dir, 5));
    assertEquals(List.of(), MetricsFile.read(output.resolve("none"), 5));
  }
}

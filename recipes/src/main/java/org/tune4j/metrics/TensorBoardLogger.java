package org.tune4j.metrics;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;

/**
 * Writes event files for TensorBoard, a scalar a metric. A run that goes on adds a file to its
 * folder, the first event of which makes TensorBoard forget the steps that are made again.
 */
public final class TensorBoardLogger implements MetricLogger.Spec {
  private static final Pattern EVENT_FILE =
      Pattern.compile("events\\.out\\.tfevents\\.(\\d+)\\..*");

  private final @Nullable Path logDir;
  private final boolean organizeLogs;

  /**
   * A logger to a folder, which {@link #open} makes.
   *
   * @param logDir what {@code tensorboard --logdir} is given; null for the run's logs
   * @param organizeLogs whether each run has a folder of its own in it
   */
  @Component(
      value = "tensorboard_logger",
      aliases = {"torchtune.training.metric_logging.TensorBoardLogger"})
  public TensorBoardLogger(
      @Doc("the folder for `tensorboard --logdir`; null for logs in output_dir")
          @Nullable Path logDir,
      @Doc("one subfolder per run, so that runs can be compared") @Default("true")
          boolean organizeLogs) {
    this.logDir = logDir;
    this.organizeLogs = organizeLogs;
  }

  @Override
  public String name() {
    return "tensorboard_logger";
  }

  @Override
  public MetricLogger open(LoggedRun run) throws IOException {
    Path dir = (logDir == null ? run.logs() : logDir).toAbsolutePath();
    String target = "tensorboard " + dir;
    Optional<Path> before = run.notes().get(target).map(Path::of).filter(Files::isDirectory);
    Path folder =
        before.orElse(
            organizeLogs
                ? dir.resolve(String.format(Locale.ROOT, "run_0_%.3f", seconds(Instant.now())))
                : dir);
    Files.createDirectories(folder);
    long firstStep = before.isPresent() ? run.step() + 1 : 1;
    EventFile events = EventFile.create(next(folder), seconds(Instant.now()), firstStep);
    run.notes().put(target, folder.toString());
    MetricLogger logger =
        new MetricLogger() {
          @Override
          public void log(StepMetrics metrics) throws IOException {
            events.append(seconds(Instant.now()), metrics.step(), metrics.values());
          }

          @Override
          public void close(Outcome outcome) throws IOException {
            events.close();
          }
        };
    for (StepMetrics metrics : before.isPresent() ? List.<StepMetrics>of() : run.earlier()) {
      logger.log(metrics);
    }
    return logger;
  }

  private static double seconds(Instant time) {
    return time.toEpochMilli() / 1000.0;
  }

  /** A name behind those of the folder's files in the order in which TensorBoard reads them. */
  private static Path next(Path folder) throws IOException {
    long second = Instant.now().getEpochSecond();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Matcher m = EVENT_FILE.matcher(file.getFileName().toString());
        if (m.matches()) {
          second = Math.max(second, Long.parseLong(m.group(1)) + 1);
        }
      }
    }
    return folder.resolve(
        "events.out.tfevents.%010d.%s.%d.0"
            .formatted(second, host(), ProcessHandle.current().pid()));
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }
}

package org.tune4j.metrics;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;

/**
 * Writes {@link StdoutLogger}'s lines to a text file. A run that begins appends to what is there; a
 * run that goes on writes its own part anew.
 */
public final class DiskLogger implements MetricLogger.Spec {
  private final @Nullable Path logDir;
  private final String filename;

  /**
   * A logger to a file, which {@link #open} makes.
   *
   * @param logDir the file's folder; null for the run's logs
   * @param filename the file's name
   */
  @Component(
      value = "disk_logger",
      aliases = {"torchtune.training.metric_logging.DiskLogger"})
  public DiskLogger(
      @Doc("the file's folder; null for logs in output_dir") @Nullable Path logDir,
      @Doc("the file's name") @Default("log.txt") String filename) {
    this.logDir = logDir;
    this.filename = filename;
  }

  @Override
  public String name() {
    return "disk_logger";
  }

  @Override
  public MetricLogger open(LoggedRun run) throws IOException {
    Path dir = logDir == null ? run.logs() : logDir;
    Path path = dir.resolve(filename).toAbsolutePath();
    Files.createDirectories(path.resolveSibling("."));
    FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    // Where in the file this run begins.
    String target = "disk " + path;
    Optional<String> noted = run.notes().get(target);
    long start =
        noted.isPresent() ? Math.min(Long.parseLong(noted.get()), file.size()) : file.size();
    run.notes().put(target, Long.toString(start));
    file.truncate(start).position(start);
    MetricLogger logger =
        new MetricLogger() {
          @Override
          public void log(StepMetrics metrics) throws IOException {
            String line = StdoutLogger.line(metrics) + System.lineSeparator();
            ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
              file.write(bytes);
            }
          }

          @Override
          public void close(Outcome outcome) throws IOException {
            file.close();
          }
        };
    for (StepMetrics metrics : run.earlier()) {
      logger.log(metrics);
    }
    return logger;
  }
}

package org.tune4j.curves;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.TuneException;

/**
 * A run as its folder shows it: its metrics, followed while it trains, and its config. Safe for
 * several threads.
 */
public final class Run {
  private final String name;
  private final Path folder;
  private final Path metrics;
  private final MetricsTail tail = new MetricsTail();
  private long version;
  private @Nullable String unreadable;

  /**
   * A run of which nothing is read yet.
   *
   * @param name unique among the runs shown
   * @param folder the run's {@code output_dir}
   * @param metrics its {@code metrics.jsonl}, no link
   */
  Run(String name, Path folder, Path metrics) {
    this.name = name;
    this.folder = folder;
    this.metrics = metrics;
  }

  /** {@return what it is called beside other runs} */
  public String name() {
    return name;
  }

  /** {@return the folder that holds {@code logs}} */
  public Path folder() {
    return folder;
  }

  Path metrics() {
    return metrics;
  }

  /** Takes in what is new in the file. */
  public synchronized void refresh() {
    try {
      requireNoLink(metrics);
      if (tail.read(metrics)) {
        version++;
      }
      unreadable = null;
    } catch (IOException e) {
      unreadable = metrics.getFileName() + " cannot be read: " + TuneException.reason(e);
    }
  }

  /** Folders may have become links since the run was found. */
  private static void requireNoLink(Path file) throws IOException {
    if (!file.toRealPath().equals(file)) {
      throw new IOException("it lies behind a link");
    }
  }

  /** {@return another number whenever {@link #refresh} has found other metrics} */
  public synchronized long version() {
    return version;
  }

  /** {@return how many steps were read, each from the last line that has it} */
  public synchronized int rows() {
    return tail.columns().size();
  }

  /** {@return the last line's step, 0 where there is none} */
  public synchronized long lastStep() {
    return tail.columns().lastStep();
  }

  /**
   * {@return the last line's value of a metric, NaN where it has none}
   *
   * @param metric its name in {@code metrics.jsonl}
   */
  public synchronized double last(String metric) {
    return tail.columns().last(metric);
  }

  /** {@return the metrics' names in the file, in its order, without {@code step}} */
  public synchronized Set<String> metricNames() {
    return tail.columns().names();
  }

  /**
   * {@return what a reader of its curves should know, a sentence each; empty where nothing is odd}
   */
  public synchronized List<String> notes() {
    List<String> notes = new ArrayList<>();
    if (unreadable != null) {
      notes.add(unreadable);
    }
    if (tail.badLines() > 0) {
      notes.add("%d lines without a step are skipped".formatted(tail.badLines()));
    }
    if (tail.columns().notFinite() >= 0) {
      notes.add("the loss is not finite at step " + tail.columns().notFinite());
    }
    return notes;
  }

  synchronized Series series(String metric, XAxis axis) {
    return tail.columns().series(metric, axis);
  }

  /**
   * Hands on the lines that have a metric, in the order of their steps, as they were read when this
   * was called.
   *
   * @param metric its name in {@code metrics.jsonl}
   * @param reader called by this thread, which holds no lock meanwhile
   * @throws IOException that {@code reader} throws
   */
  public void forEach(String metric, RowReader reader) throws IOException {
    Series steps;
    double[] tokens;
    double[] seconds;
    synchronized (this) {
      steps = series(metric, XAxis.STEP);
      tokens = series(metric, XAxis.TOKENS).x();
      seconds = series(metric, XAxis.SECONDS).x();
    }
    for (int i = 0; i < steps.size(); i++) {
      if (!Double.isNaN(steps.y()[i])) {
        reader.row((long) steps.x()[i], (long) tokens[i], seconds[i], steps.y()[i]);
      }
    }
  }

  /** Takes one line of a run. */
  @FunctionalInterface
  public interface RowReader {
    /**
     * Takes a line.
     *
     * @param step of the optimiser
     * @param tokens up to and with this step
     * @param seconds up to and with this step
     * @param value of the metric; may be infinite
     * @throws IOException where it cannot go on; ends {@link Run#forEach}
     */
    void row(long step, long tokens, double seconds, double value) throws IOException;
  }

  /**
   * {@return the resolved config by dotted key, read now; empty where there is none, one key {@code
   * config.yaml} that says why where it cannot be read}
   */
  public Map<String, String> config() {
    Path file = folder.resolve("config.yaml");
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      return Map.of();
    }
    try {
      requireNoLink(file);
      return FlatConfig.read(file);
    } catch (IOException e) {
      return Map.of("config.yaml", "cannot be read: " + TuneException.reason(e));
    }
  }
}

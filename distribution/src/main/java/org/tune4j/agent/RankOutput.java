package org.tune4j.agent;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.Printable;
import org.tune4j.TuneException;

/** What a rank's process prints: prefixed by its rank, and kept in files where that is wanted. */
final class RankOutput implements AutoCloseable {
  private final int rank;
  private final AtomicReference<@Nullable Complaint> complaint = new AtomicReference<>();
  private final List<Thread> readers;

  /** An error that it printed, and when. */
  record Complaint(String text, long nanos) {}

  /**
   * Starts to read.
   *
   * @param log a folder that gets {@code RANK/stdout.log} and {@code RANK/stderr.log}
   */
  RankOutput(int rank, Process process, PrintStream out, PrintStream err, Optional<Path> log) {
    this.rank = rank;
    readers =
        List.of(
            reader(process.getInputStream(), out, file(log, "stdout.log"), false),
            reader(process.getErrorStream(), err, file(log, "stderr.log"), true));
  }

  private Optional<PrintStream> file(Optional<Path> log, String name) {
    if (log.isEmpty()) {
      return Optional.empty();
    }
    Path folder = log.get().resolve(Integer.toString(rank));
    try {
      Files.createDirectories(folder);
      return Optional.of(
          new PrintStream(
              Files.newOutputStream(folder.resolve(name)), true, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new EnvironmentException(
          "--log-dir: %s cannot be written: %s; choose another"
              .formatted(folder, TuneException.reason(e)),
          e);
    }
  }

  private Thread reader(
      InputStream from, PrintStream to, Optional<PrintStream> file, boolean errors) {
    Thread t = new Thread(() -> read(from, to, file, errors), "output-of-rank-" + rank);
    t.setDaemon(true);
    t.start();
    return t;
  }

  private void read(InputStream from, PrintStream to, Optional<PrintStream> file, boolean errors) {
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(from, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (errors && line.startsWith("tune: ")) {
          complaint.compareAndSet(
              null, new Complaint(line.substring("tune: ".length()), System.nanoTime()));
        }
        to.println("[rank " + rank + "] " + Printable.of(line));
        String kept = line;
        file.ifPresent(f -> f.println(kept));
      }
    } catch (IOException e) {
      // the rank was ended
    } finally {
      file.ifPresent(f -> close(f, to));
    }
  }

  /** A print stream throws nothing, but knows that something was lost. */
  private void close(PrintStream file, PrintStream to) {
    file.close();
    if (file.checkError()) {
      to.println(
          "tune: warning: --log-dir: its files lack some of what rank %d printed; free some space there"
              .formatted(rank));
    }
  }

  /** The first error that it printed. */
  Optional<Complaint> firstComplaint() {
    return Optional.ofNullable(complaint.get());
  }

  /** Waits until all is through. */
  @Override
  public void close() {
    for (Thread t : readers) {
      try {
        t.join(1000);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}

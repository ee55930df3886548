package org.tune4j.cli.hub;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import org.tune4j.hub.TransferListener;

/**
 * A transfer's progress: one line that is written over where a person watches, else a line every
 * five seconds.
 */
final class TransferProgress implements TransferListener {
  private static final long MILLION = 1_000_000;
  private static final long REDRAWN_NANOS = 200_000_000;
  private static final long LINE_NANOS = 5_000_000_000L;
  private static final int WIDTH = 30;

  private final PrintWriter err;
  private final boolean interactive;
  private final String verb;
  private final String what;
  private long total;
  private long bytes;
  private long resumed;
  private long start;
  private long drawn;
  private boolean open;

  TransferProgress(PrintWriter err, boolean interactive, String verb, String what) {
    this.err = err;
    this.interactive = interactive;
    this.verb = verb;
    this.what = what;
  }

  @Override
  public synchronized void begun(int files, long total, long there) {
    this.total = total;
    this.bytes = there;
    this.resumed = there;
    this.start = System.nanoTime();
    this.drawn = start;
    if (files > 0) {
      say(
          "%s: %s %d file%s, %s%s"
              .formatted(
                  what,
                  verb,
                  files,
                  files == 1 ? "" : "s",
                  size(total),
                  there == 0 ? "" : ", of which %s are there".formatted(size(there))));
    }
  }

  @Override
  public synchronized void transferred(long more) {
    bytes += more;
    if (total == 0) {
      return;
    }
    long now = System.nanoTime();
    if (interactive && (now - drawn > REDRAWN_NANOS || bytes >= total)) {
      drawn = now;
      open = true;
      err.print("\r" + bar(now) + "\u001b[K");
      err.flush();
    } else if (!interactive && now - drawn > LINE_NANOS && bytes < total) {
      drawn = now;
      say("%s: %d%% of %s".formatted(what, bytes * 100 / total, size(total)));
    }
  }

  private String bar(long now) {
    double part = Math.max(0, Math.min(1, (double) bytes / total));
    int full = (int) (part * WIDTH);
    double rate = (bytes - resumed) / Math.max((now - start) / 1e9, 1e-3);
    long left = rate > 0 ? (long) ((total - bytes) / rate) : 0;
    return String.format(
        Locale.ROOT,
        "%3.0f%% [%s%s] %s of %s, %s/s, %d:%02d left",
        100 * part,
        "#".repeat(full),
        ".".repeat(WIDTH - full),
        size(bytes),
        size(total),
        size((long) rate),
        left / 60,
        left % 60);
  }

  @Override
  public synchronized void retried(String file, String why, Duration wait) {
    say("%s: %s; again in %.1f s".formatted(file, why, wait.toMillis() / 1000.0));
  }

  private void say(String line) {
    end();
    err.println(line);
    err.flush();
  }

  /** Leaves the line that is written over. */
  synchronized void end() {
    if (open) {
      open = false;
      err.println();
    }
  }

  private static String size(long bytes) {
    return bytes < MILLION
        ? String.format(Locale.ROOT, "%.1f kB", bytes / 1e3)
        : bytes < 1000 * MILLION
            ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6)
            : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
  }
}

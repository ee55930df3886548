package org.tune4j.finetuning;

import java.io.PrintStream;
import java.time.Duration;
import org.tune4j.hub.TransferListener;

/**
 * A download in a line or two.
 *
 * @param out is locked by each line, as several threads fetch
 */
record FetchLines(PrintStream out, String what) implements TransferListener {
  @Override
  public void begun(int files, long bytes, long there) {
    if (files > 0) {
      out.printf("%s: fetching %d files, %d MB%n", what, files, bytes / 1_000_000);
    }
  }

  @Override
  public void transferred(long bytes) {}

  @Override
  public void retried(String file, String why, Duration wait) {
    out.printf("%s: %s: %s; tried again%n", what, file, why);
  }
}

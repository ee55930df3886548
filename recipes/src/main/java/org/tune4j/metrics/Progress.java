package org.tune4j.metrics;

import java.io.PrintStream;
import java.util.Locale;

/**
 * Shows a run's steps: a bar that is overwritten on a terminal, a line a step elsewhere. Closing it
 * ends the bar's line, so that what is printed after a failure stands on a line of its own.
 */
public final class Progress implements AutoCloseable {
  /** Short enough for 80 columns with all that follows: a wrapped line cannot be overwritten. */
  private static final int WIDTH = 16;

  private final PrintStream out;
  private final boolean terminal;
  private final long totalSteps;
  private double seconds;
  private long shown;
  private boolean barStands;

  /**
   * Prints nothing before the first step.
   *
   * @param out stays open
   * @param terminal whether a line may be overwritten
   * @param totalSteps of the whole run
   */
  public Progress(PrintStream out, boolean terminal, long totalSteps) {
    this.out = out;
    this.terminal = terminal;
    this.totalSteps = totalSteps;
  }

  /**
   * Shows one step. The time left is that of the steps to come at the pace of those shown.
   *
   * @param m of the step after the last one
   */
  public void show(StepMetrics m) {
    seconds += m.seconds();
    shown++;
    String left = time(Math.round(seconds / shown * (totalSteps - m.step())));
    Double valLoss = m.valLoss();
    String validation =
        valLoss == null ? "" : String.format(Locale.ROOT, "  validation loss %.4f", valLoss);
    if (terminal) {
      int done = (int) (WIDTH * m.step() / Math.max(1, totalSteps));
      out.printf(
          Locale.ROOT,
          "\r[%s%s] %d/%d  loss %.4f  %.0f tokens/s  %s left%s\u001b[K",
          "=".repeat(done),
          " ".repeat(WIDTH - done),
          m.step(),
          totalSteps,
          m.loss(),
          m.tokensPerSecond(),
          left,
          validation);
      barStands = true;
    } else {
      out.printf(
          Locale.ROOT,
          "step %d/%d  loss %.4f  lr %.2e  %.0f tokens/s  %s left%s%n",
          m.step(),
          totalSteps,
          m.loss(),
          m.lr(),
          m.tokensPerSecond(),
          left,
          validation);
    }
    out.flush();
  }

  /**
   * Prints a line of its own, behind the bar's.
   *
   * @param line without its end
   */
  public void say(String line) {
    close();
    out.println(line);
  }

  @Override
  public void close() {
    if (barStands) {
      out.println();
      barStands = false;
    }
  }

  private static String time(long seconds) {
    return seconds < 3600
        ? "%d:%02d".formatted(seconds / 60, seconds % 60)
        : "%d:%02d:%02d".formatted(seconds / 3600, seconds / 60 % 60, seconds % 60);
  }
}

package org.tune4j.metrics;

import java.io.PrintStream;
import java.util.Locale;

/**
 * Shows a run's steps: a bar that is overwritten on a terminal, a line a step elsewhere. Closing it
 * ends the bar's line, so that what is printed after a failure stands on a line of its own.
 */
public final class Progress implements AutoCloseable {
  private static final int BAR = 10;

  /** A wrapped line cannot be overwritten, and half a window is narrow. */
  private static final int COLUMNS = 50;

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
      out.printf("\r%s\u001b[K", bar(m, left));
      barStands = true;
    } else {
      out.printf(
          Locale.ROOT,
          "step %d/%d  %s  lr %.2e  %.0f tokens/s  %s left%s%n",
          m.step(),
          totalSteps,
          m.result(),
          m.lr(),
          m.tokensPerSecond(),
          left,
          validation);
    }
    out.flush();
  }

  /** As much as there is room for: the speed goes first, then the bar. */
  private String bar(StepMetrics m, String left) {
    int done = (int) (BAR * m.step() / Math.max(1, totalSteps));
    String bar = "[%s%s] ".formatted("=".repeat(done), " ".repeat(BAR - done));
    Double valLoss = m.valLoss();
    String step =
        String.format(
            Locale.ROOT,
            "%d/%d  %s  %s",
            m.step(),
            totalSteps,
            m.result(),
            valLoss == null
                ? left + " left"
                : String.format(Locale.ROOT, "validation %.4f", valLoss));
    String speed = String.format(Locale.ROOT, "  %.0f tokens/s", m.tokensPerSecond());
    if (bar.length() + step.length() + speed.length() <= COLUMNS) {
      return bar + step + speed;
    }
    return bar.length() + step.length() <= COLUMNS ? bar + step : step;
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

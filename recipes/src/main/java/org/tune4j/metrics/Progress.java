package org.tune4j.metrics;

import java.io.PrintStream;
import java.util.Locale;

/** Shows a run's steps: a bar that is overwritten on a terminal, a line a step elsewhere. */
public final class Progress {
  private static final int WIDTH = 24;

  private final PrintStream out;
  private final boolean terminal;
  private final long totalSteps;
  private final long firstStep;
  private double seconds;

  /**
   * Shows a run from a step on.
   *
   * @param doneSteps steps that an earlier process has made
   */
  public Progress(PrintStream out, boolean terminal, long doneSteps, long totalSteps) {
    this.firstStep = doneSteps;
    this.out = out;
    this.terminal = terminal;
    this.totalSteps = totalSteps;
  }

  /** Shows one step. */
  public void show(StepMetrics m) {
    seconds += m.seconds();
    long left = Math.round(seconds / (m.step() - firstStep) * (totalSteps - m.step()));
    String text =
        String.format(
            Locale.ROOT,
            "%d/%d  loss %.4f  lr %.2e  %.0f tokens/s  %d:%02d left",
            m.step(),
            totalSteps,
            m.loss(),
            m.lr(),
            m.tokensPerSecond(),
            left / 60,
            left % 60);
    Double valLoss = m.valLoss();
    if (valLoss != null) {
      text += String.format(Locale.ROOT, "  validation loss %.4f", valLoss);
    }
    if (terminal) {
      int done = (int) (WIDTH * m.step() / Math.max(1, totalSteps));
      out.print("\r[" + "=".repeat(done) + " ".repeat(WIDTH - done) + "] " + text + "\u001b[K");
      if (m.step() == totalSteps) {
        out.println();
      }
    } else {
      out.println("step " + text);
    }
    out.flush();
  }
}

package org.tune4j.cli.terminal;

import java.io.PrintStream;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.platform.CtrlC;
import org.tune4j.recipe.RunListener;

/**
 * Ctrl-C and SIGTERM while a run is under way: the JVM's end waits until the run has finished its
 * step, saved and returned. A second Ctrl-C ends the process at once.
 */
public final class StopSignal implements AutoCloseable, RunListener {
  private static final double NANOS = 1e-9;

  private final RunListener next;
  private final LongSupplier clock;
  private final CountDownLatch done = new CountDownLatch(1);
  private final Thread hook = new Thread(this::waitForRun, "stop-signal");
  private @Nullable PrintStream told;
  private @Nullable CtrlC interrupt;
  private volatile boolean requested;
  private volatile boolean interrupted;
  private volatile @Nullable Made last;

  private record Made(long step, long of, double seconds, long at) {}

  /**
   * Hears no signal before {@link #listen}.
   *
   * @param next hears of steps after this
   * @param clock in nanoseconds
   */
  public StopSignal(RunListener next, LongSupplier clock) {
    this.next = next;
    this.clock = clock;
  }

  /**
   * One that listens and says nothing.
   *
   * @return listens until it is closed
   */
  public static StopSignal listening() {
    StopSignal signal = new StopSignal(RunListener.NONE, System::nanoTime);
    signal.listen(null);
    return signal;
  }

  /**
   * From now on; before, a signal ends the process at once.
   *
   * @param answers gets a line at the first signal; null for none, as where another rank says it
   */
  public void listen(@Nullable PrintStream answers) {
    told = answers;
    Runtime.getRuntime().addShutdownHook(hook);
    interrupt = CtrlC.take(this::interrupted);
  }

  /**
   * Ctrl-C; there is no second one, as that ends the process.
   *
   * @param release leaves the next one to the system
   * @param exit ends the process once the hook has run
   */
  void interrupted(Runnable release, Runnable exit) {
    interrupted = true;
    release.run();
    exit.run();
  }

  private void waitForRun() {
    requested = true;
    if (told != null) {
      told.println(answer());
    }
    try {
      done.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** What is under way, about how long it takes, and what ends it sooner. */
  String answer() {
    StringBuilder line = new StringBuilder("finishing ");
    Made made = last;
    if (made == null) {
      line.append("the current step");
    } else if (made.step == made.of) {
      line.append("the run, whose steps are all done");
    } else {
      line.append("step ").append(made.step + 1);
      double left = made.seconds - (clock.getAsLong() - made.at) * NANOS;
      if (left >= 90) {
        line.append(", about %d minutes".formatted(Math.round(left / 60)));
      } else if (left >= 1.5) {
        line.append(", about %d seconds".formatted(Math.round(left)));
      }
    }
    return line.append(interrupted ? "; again to stop without saving" : "").toString();
  }

  /** {@return whether the run should end after its step} */
  public boolean requested() {
    return requested;
  }

  @Override
  public void step(long step, long totalSteps, Map<String, Number> metrics) {
    Number seconds = metrics.get("seconds");
    last =
        new Made(step, totalSteps, seconds == null ? 0 : seconds.doubleValue(), clock.getAsLong());
    next.step(step, totalSteps, metrics);
  }

  @Override
  public void close() {
    done.countDown();
    if (interrupt != null) {
      interrupt.close();
    }
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is ending: the hook has run, and waited for this.
    }
  }
}

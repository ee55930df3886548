package org.tune4j.metrics;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.tune4j.metrics.MetricLogger.Outcome;

/**
 * Calls a logger on a thread of its own, behind a bounded queue. What fails for want of a
 * connection is tried again; anything else ends the logger. Steps that find the queue full are
 * counted and left out.
 */
final class RemoteLogger implements GuardedLogger {
  /** Steps that may wait: about a megabyte. */
  private static final int CAPACITY = 10_000;

  private static final long FIRST_WAIT_MS = 1_000;
  private static final long LAST_WAIT_MS = 60_000;

  private final MetricLogger.Spec spec;
  private final LoggedRun run;
  private final int capacity;
  private final Thread thread;

  // All below is guarded by this.
  private final Queue<StepMetrics> waiting = new ArrayDeque<>();
  private final Queue<String> warnings = new ArrayDeque<>();
  private @Nullable Outcome outcome;
  private boolean warnedOfRetry;
  private boolean givenUp;
  private boolean abandoned; // at the end's time limit: what the thread meets after that is no news
  private long taken;
  private long delivered;

  RemoteLogger(MetricLogger.Spec spec, LoggedRun run) {
    this(spec, run, CAPACITY);
  }

  RemoteLogger(MetricLogger.Spec spec, LoggedRun run, int capacity) {
    this.spec = spec;
    this.run = run;
    this.capacity = capacity;
    thread = new Thread(this::deliver, "tune4j-" + spec.name());
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public synchronized void log(StepMetrics metrics) {
    taken++;
    if (!givenUp && waiting.size() < capacity) {
      waiting.add(metrics);
      notifyAll();
    }
  }

  @Override
  public synchronized void end(Outcome how) {
    outcome = how;
    notifyAll();
  }

  @Override
  public void awaitEnd(long deadline) {
    try {
      TimeUnit.NANOSECONDS.timedJoin(thread, deadline - System.nanoTime());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (this) {
      boolean late = thread.isAlive();
      abandoned = late;
      thread.interrupt();
      if (!givenUp && (late || delivered < taken)) {
        warnings.add(
            "%s: %d steps were not delivered, and the end of the run %s; logs/metrics.jsonl has every step"
                .formatted(spec.name(), taken - delivered, late ? "was not either" : "was"));
      }
    }
  }

  @Override
  public synchronized void tell(Consumer<String> warn) {
    warnings.forEach(warn);
    warnings.clear();
  }

  private void deliver() {
    try {
      MetricLogger logger = retried(() -> spec.open(run));
      long unflushed = 0;
      for (StepMetrics m = next(true); m != null || unflushed > 0; m = next(unflushed == 0)) {
        if (m != null) {
          StepMetrics one = m;
          retried(() -> done(() -> logger.log(one)));
          unflushed++;
        } else {
          retried(() -> done(logger::flush));
          count(unflushed);
          unflushed = 0;
        }
      }
      Outcome how = ended();
      retried(() -> done(() -> logger.close(how)));
    } catch (InterruptedException e) {
      // The time limit of awaitEnd, which says so.
    } catch (Exception | LinkageError e) { // a plugin may throw anything
      giveUp(e);
    }
  }

  /** The next step; null when none waits, or with {@code patient} once none will come. */
  private synchronized @Nullable StepMetrics next(boolean patient) throws InterruptedException {
    while (patient && waiting.isEmpty() && outcome == null) {
      wait();
    }
    return waiting.poll();
  }

  private synchronized Outcome ended() {
    return outcome == null ? Outcome.FAILED : outcome;
  }

  private synchronized void count(long steps) {
    delivered += steps;
  }

  private synchronized void giveUp(Throwable e) {
    if (abandoned) {
      return;
    }
    givenUp = true;
    waiting.clear();
    warnings.add(
        "%s is dropped: %s; the run continues, and logs/metrics.jsonl has every step"
            .formatted(spec.name(), GuardedLogger.reason(e)));
  }

  private interface Call<T> {
    T make() throws IOException;
  }

  private interface Action {
    void make() throws IOException;
  }

  private static boolean done(Action action) throws IOException {
    action.make();
    return true;
  }

  private <T> T retried(Call<T> call) throws InterruptedException {
    for (long wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LAST_WAIT_MS)) {
      try {
        return call.make();
      } catch (IOException e) {
        pause(wait, e);
      }
    }
  }

  /** Waits before the next attempt: until the run ends, and not long after. */
  private synchronized void pause(long ms, IOException why) throws InterruptedException {
    if (abandoned) {
      throw new InterruptedException();
    }
    if (!warnedOfRetry) {
      warnedOfRetry = true;
      warnings.add(
          "%s: %s; retrying while the run continues"
              .formatted(spec.name(), GuardedLogger.reason(why)));
    }
    boolean running = outcome == null;
    long left = running ? ms : FIRST_WAIT_MS;
    long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(left);
    while (left > 0 && running == (outcome == null)) {
      wait(left);
      left = TimeUnit.NANOSECONDS.toMillis(until - System.nanoTime());
    }
  }
}

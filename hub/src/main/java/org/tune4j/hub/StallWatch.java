package org.tune4j.hub;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Closes streams on which nothing comes; {@code java.net.http} bounds the wait for headers only.
 */
final class StallWatch implements AutoCloseable {
  private final long limit;
  private final Set<Watched> open = ConcurrentHashMap.newKeySet();
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          r -> {
            Thread t = new Thread(r, "hub-stall-watch");
            t.setDaemon(true);
            return t;
          });

  private final Future<?> checks;

  StallWatch(Duration limit) {
    this.limit = limit.toNanos();
    long period = Math.max(1, limit.toMillis() / 4);
    this.checks =
        timer.scheduleWithFixedDelay(
            () -> open.forEach(Watched::check), period, period, TimeUnit.MILLISECONDS);
  }

  Watched over(InputStream in) {
    Watched watched = new Watched(in);
    open.add(watched);
    return watched;
  }

  @Override
  public void close() {
    checks.cancel(false);
    timer.shutdownNow();
  }

  /** A stream that is read. */
  final class Watched implements AutoCloseable {
    private final InputStream in;
    private volatile long last = System.nanoTime();
    private volatile boolean stalled;

    private Watched(InputStream in) {
      this.in = in;
    }

    /** Something came. */
    void alive() {
      last = System.nanoTime();
    }

    boolean stalled() {
      return stalled;
    }

    private void check() {
      if (System.nanoTime() - last > limit) {
        stalled = true;
        try {
          in.close();
        } catch (IOException e) {
          // The reader sees it.
        }
      }
    }

    @Override
    public void close() {
      open.remove(this);
    }
  }
}

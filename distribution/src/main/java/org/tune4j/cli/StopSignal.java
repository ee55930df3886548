package org.tune4j.cli;

import java.util.concurrent.CountDownLatch;

/**
 * Ctrl-C and SIGTERM while a run is under way: the JVM's end waits until the run has finished its
 * step, saved and returned.
 */
final class StopSignal implements AutoCloseable {
  private final CountDownLatch done = new CountDownLatch(1);
  private final Thread hook = new Thread(this::waitForRun, "stop-signal");
  private volatile boolean requested;

  static StopSignal listening() {
    StopSignal signal = new StopSignal();
    signal.listen();
    return signal;
  }

  /** From now on; before, a signal ends the process at once. */
  void listen() {
    Runtime.getRuntime().addShutdownHook(hook);
  }

  private void waitForRun() {
    requested = true;
    try {
      done.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  boolean requested() {
    return requested;
  }

  @Override
  public void close() {
    done.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is ending: the hook has run, and waited for this.
    }
  }
}

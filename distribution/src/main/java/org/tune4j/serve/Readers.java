package org.tune4j.serve;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Threads that make tokens of what was asked, which takes long where a text is long or crafted, and
 * cannot be interrupted. Short bodies have a thread that never waits for long ones. Each connection
 * has one request at the most here.
 */
final class Readers implements AutoCloseable {
  /** Bytes that are read in less than a second where a tokenizer's work is quadratic. */
  private static final int SHORT = 16 << 10;

  private final ExecutorService ofShort = reader("reads-short");
  private final ExecutorService ofLong = reader("reads-long");

  private static ExecutorService reader(String name) {
    return Executors.newSingleThreadExecutor(
        work -> {
          Thread t = new Thread(work, name);
          t.setDaemon(true);
          return t;
        });
  }

  /**
   * Does it when its turn comes.
   *
   * @param bytes of the body
   */
  void read(int bytes, Runnable work) {
    (bytes <= SHORT ? ofShort : ofLong).execute(work);
  }

  @Override
  public void close() {
    ofShort.shutdownNow();
    ofLong.shutdownNow();
  }
}

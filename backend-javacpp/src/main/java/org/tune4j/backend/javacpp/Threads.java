package org.tune4j.backend.javacpp;

import java.util.concurrent.atomic.AtomicReference;
import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.tune4j.EnvironmentException;

/**
 * How many threads an operation uses. libtorch's own loops and oneDNN follow OpenMP's setting,
 * which belongs to the calling thread; OpenBLAS, which computes fp32 and fp64 products, has one
 * setting for the process, switched here before a product whose caller wants another.
 */
final class Threads {
  private final int initial;
  private final ThreadLocal<Integer> wanted;
  private volatile int blas;

  Threads(int initial) {
    this.initial = initial;
    this.wanted = ThreadLocal.withInitial(() -> initial);
    torch.set_num_threads(initial);
    setBlas(initial);
  }

  int get() {
    return wanted.get();
  }

  /** For operations called from this thread. */
  void set(int threads) {
    wanted.set(threads);
    torch.set_num_threads(threads);
    setBlas(threads);
    if (threads != initial) {
      restoreInitial();
    }
  }

  /**
   * libtorch gives a thread it has not seen what was set last, anywhere. A thread that ends at once
   * sets it back to what the backend was opened with.
   */
  private void restoreInitial() {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread t = new Thread(() -> torch.set_num_threads(initial), "tune4j-javacpp-threads");
    t.setDaemon(true);
    t.setUncaughtExceptionHandler((thread, e) -> failure.set(e));
    t.start();
    try {
      t.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Throwable e = failure.get();
    if (e != null) {
      throw new EnvironmentException("libtorch's thread count cannot be set", e);
    }
  }

  /** To be called before what multiplies fp32 or fp64 matrices. */
  void beforeProduct() {
    int n = wanted.get();
    if (blas != n) {
      setBlas(n);
    }
  }

  private synchronized void setBlas(int threads) {
    if (blas != threads) {
      openblas_nolapack.blas_set_num_threads(threads);
      blas = threads;
    }
  }
}

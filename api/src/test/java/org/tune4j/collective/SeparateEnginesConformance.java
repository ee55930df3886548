package org.tune4j.collective;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.tune4j.kit.CollectiveConformance;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;

/** Ranks that are threads with an engine each, as they are on GPUs; here on the CPU. */
public abstract class SeparateEnginesConformance extends CollectiveConformance {
  /** The provider under test; opened by every rank. */
  protected abstract BackendProvider provider();

  @Override
  protected final boolean has(DType dtype) {
    return provider().dtypes().contains(dtype);
  }

  @Override
  protected final void run(int worldSize, Duration timeout, Consumer<ProcessGroup> body) {
    ExecutorService unused = Executors.newSingleThreadExecutor();
    LocalGroup group = new LocalGroup(worldSize, timeout, unused);
    AtomicReference<Throwable> first = new AtomicReference<>();
    List<Thread> threads = new ArrayList<>();
    for (int r = 0; r < worldSize; r++) {
      int rank = r;
      Thread t = new Thread(() -> rank(group, rank, body, first), "rank-" + rank);
      threads.add(t);
      t.start();
    }
    try {
      for (Thread t : threads) {
        t.join();
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      unused.shutdown();
    }
    if (first.get() instanceof RuntimeException e) {
      throw e;
    }
    if (first.get() instanceof Error e) {
      throw e;
    }
  }

  private void rank(
      LocalGroup group, int rank, Consumer<ProcessGroup> body, AtomicReference<Throwable> first) {
    Engine engine = Engine.open(provider(), new BackendOptions(BackendOptions.DEFAULT.device(), 1));
    try (ProcessGroup ranks =
        new ProcessGroup(engine, Optional.of(group.member(rank, engine, false)), true)) {
      inScope(ranks, body);
    } catch (RuntimeException | Error e) {
      first.compareAndSet(null, e);
      group.fail(LocalGroup.failed(rank, e));
    }
  }
}

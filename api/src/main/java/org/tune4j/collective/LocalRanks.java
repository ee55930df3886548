package org.tune4j.collective;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.tune4j.CollectiveException;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;

/**
 * Runs ranks as threads of this JVM, on any backend. On the CPU they share one engine and one copy
 * of what is loaded {@link ProcessGroup#once}; on CUDA each has an engine on a GPU of its own.
 */
public final class LocalRanks {
  private final int worldSize;
  private final Backends backends;
  private final Duration timeout;
  private final ExecutorService owner =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread t = new Thread(task, "ranks");
            t.setDaemon(true);
            return t;
          });
  private final AtomicReference<@Nullable Failure> first = new AtomicReference<>();
  private volatile @Nullable Engine engine;
  private @Nullable TensorScope scope;
  private @Nullable LocalGroup group;

  /** What is thrown here, and what the others are told. */
  private record Failure(Throwable cause, String why) {}

  private LocalRanks(int worldSize, Backends backends, Duration timeout) {
    this.worldSize = worldSize;
    this.backends = backends;
    this.timeout = timeout;
  }

  /**
   * Runs {@code body} once a rank, each in a thread of its own, and returns when all have ended.
   * Where one throws, the others end at their next collective, and what it threw is thrown here.
   *
   * @param worldSize how many ranks
   * @param backends of which one is opened for all
   * @param timeout how long a rank waits for the others
   * @param body what a rank does
   */
  public static void run(int worldSize, Backends backends, Duration timeout, Consumer<Ranks> body) {
    new LocalRanks(worldSize, backends, timeout).run(body);
  }

  private void run(Consumer<Ranks> body) {
    List<Thread> threads = new ArrayList<>();
    for (int r = 0; r < worldSize; r++) {
      int rank = r;
      Thread t = new Thread(() -> runRank(rank, body), "rank-" + rank);
      threads.add(t);
      t.start();
    }
    boolean interrupted = false;
    for (Thread t : threads) {
      while (t.isAlive()) {
        try {
          t.join();
        } catch (InterruptedException e) {
          interrupted = true; // the ranks own native memory: they end first
          CollectiveException end = new CollectiveException("interrupted while ranks ran", e);
          failed(end, String.valueOf(end.getMessage()));
        }
      }
    }
    try {
      LocalGroup.get(owner.submit(this::closeEngine));
    } finally {
      owner.shutdown();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
    Failure failure = first.get();
    if (failure != null && failure.cause instanceof RuntimeException e) {
      throw e;
    }
    if (failure != null && failure.cause instanceof Error e) {
      throw e;
    }
  }

  private void runRank(int rank, Consumer<Ranks> body) {
    try {
      body.accept(new Member(rank));
    } catch (RuntimeException | Error e) {
      failed(e, LocalGroup.failed(rank, e));
    }
  }

  private synchronized void failed(Throwable e, String why) {
    first.compareAndSet(null, new Failure(e, why));
    if (group != null) {
      group.fail(why);
    }
  }

  private synchronized LocalGroup group(String backend, BackendOptions options) {
    if (group == null) {
      if (options.device().type() == Device.Type.CPU) {
        Engine unused = LocalGroup.get(owner.submit(() -> openEngine(backend, options)));
      }
      group = new LocalGroup(worldSize, timeout, owner);
      Failure failure = first.get();
      if (failure != null) {
        group.fail(failure.why);
      }
    }
    return group;
  }

  private Engine openEngine(String backend, BackendOptions options) {
    Engine opened = backends.open(backend, options);
    engine = opened;
    scope = opened.openScope();
    return opened;
  }

  private void closeEngine() {
    if (scope != null) {
      scope.close();
    }
    if (engine != null) {
      engine.close();
    }
  }

  private final class Member implements Ranks {
    private final int rank;

    Member(int rank) {
      this.rank = rank;
    }

    @Override
    public int rank() {
      return rank;
    }

    @Override
    public int worldSize() {
      return worldSize;
    }

    @Override
    public int localWorldSize() {
      return worldSize;
    }

    @Override
    public ProcessGroup join(String backend, BackendOptions options) {
      LocalGroup joined = group(backend, options);
      Engine shared = engine;
      if (shared != null) {
        shared.backend().setThreads(shared.backend().threads());
        return new ProcessGroup(shared, Optional.of(joined.member(rank, shared, true)), false);
      }
      Device device = Ranks.device(options.device(), rank);
      Engine own = backends.open(backend, new BackendOptions(device, options.threads()));
      return new ProcessGroup(own, Optional.of(joined.member(rank, own, false)), true);
    }
  }
}

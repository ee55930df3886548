package org.tune4j.collective;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.CollectiveException;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;

/**
 * Several runs of one process that share an engine and what is loaded {@link ProcessGroup#once}.
 * Each has a thread of its own, and one of them computes at a time: a run has its turn until it
 * passes it on or ends. So the activations of one exist at a time, and none can tell that there are
 * others.
 */
public final class RunsInTurn {
  private final Backends backends;
  private final Map<Object, Future<?>> loaded = new ConcurrentHashMap<>();
  private final List<Turn> turns = new ArrayList<>();
  private final ExecutorService owner =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread t = new Thread(task, "runs");
            t.setDaemon(true);
            return t;
          });
  private @Nullable Engine engine;
  private @Nullable TensorScope scope;
  private @Nullable Turn now;
  private volatile boolean interrupted;

  private RunsInTurn(Backends backends) {
    this.backends = backends;
  }

  /**
   * One of the runs.
   *
   * @param name of its thread
   * @param body what it does, on that thread
   * @param failed hears there of what {@code body} threw, before the next run goes on; not of what
   *     {@link ProcessGroup#ofRuns} threw because another run had failed
   */
  public record Run(String name, Consumer<Turn> body, Consumer<Throwable> failed) {}

  /**
   * Runs them and returns when all have ended. The first begins; each next one follows when the one
   * before it passes its turn on. Where one fails, the others go on.
   *
   * @param backends of which one is opened for all, with the options of the run that asks first
   * @param runs at least one
   */
  public static void run(Backends backends, List<Run> runs) {
    new RunsInTurn(backends).run(runs);
  }

  private void run(List<Run> runs) {
    List<Thread> threads = new ArrayList<>();
    for (Run run : runs) {
      Turn turn = new Turn();
      turns.add(turn);
      threads.add(new Thread(() -> run(run, turn), "run-" + run.name));
    }
    now = turns.get(0);
    threads.forEach(Thread::start);
    for (Thread t : threads) {
      while (t.isAlive()) {
        try {
          t.join();
        } catch (InterruptedException e) {
          interrupted = true; // the runs own native memory: they end first, at their next turns
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
  }

  private void run(Run run, Turn turn) {
    try {
      await(turn);
      run.body.accept(turn);
    } catch (RuntimeException | Error e) {
      if (e != turn.cancelled) {
        turn.failed = true;
        run.failed.accept(e);
      }
    } finally {
      end(turn);
    }
  }

  private synchronized void pass(Turn from) {
    now = after(from);
    notifyAll();
    await(from);
    if (interrupted) {
      throw new CollectiveException("interrupted while runs took turns");
    }
  }

  private synchronized void end(Turn turn) {
    turn.ended = true;
    now = after(turn);
    notifyAll();
  }

  private synchronized void await(Turn turn) {
    while (now != turn) {
      try {
        wait();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CollectiveException("interrupted while waiting for the other runs", e);
      }
    }
  }

  /** The next one that has not ended; itself where all others have. */
  private Turn after(Turn turn) {
    int at = turns.indexOf(turn);
    for (int i = 1; i < turns.size(); i++) {
      Turn next = turns.get((at + i) % turns.size());
      if (!next.ended) {
        return next;
      }
    }
    return turn;
  }

  /** Those that have come to their meeting of this number; empty while one is still to come. */
  private synchronized List<Turn> come(int meeting) {
    return turns.stream().allMatch(t -> t.ended || t.brought.size() > meeting)
        ? turns.stream().filter(t -> t.brought.size() > meeting).toList()
        : List.of();
  }

  private synchronized Engine open(String backend, BackendOptions options) {
    if (engine == null) {
      engine = LocalGroup.get(owner.submit(() -> openEngine(backend, options)));
    }
    return engine;
  }

  private Engine openEngine(String backend, BackendOptions options) {
    Engine opened = backends.open(backend, options);
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

  /** One of the runs as it meets the others. It is one rank, with all of the machine's cores. */
  public final class Turn implements Ranks {
    private final List<Object> brought = new ArrayList<>();
    private boolean ended;
    private volatile boolean failed;
    private @Nullable CancellationException cancelled;

    private Turn() {}

    /**
     * Lets the others have a turn each, in their order, and returns when it is this run's again.
     */
    public void pass() {
      RunsInTurn.this.pass(this);
    }

    @Override
    public int rank() {
      return 0;
    }

    @Override
    public int worldSize() {
      return 1;
    }

    @Override
    public int localWorldSize() {
      return 1;
    }

    @Override
    public ProcessGroup join(String backend, BackendOptions options) {
      Engine shared = open(backend, options);
      shared.backend().setThreads(shared.backend().threads());
      return ProcessGroup.inTurn(shared, this);
    }

    @SuppressWarnings("unchecked") // what is equal was loaded by the same code
    <T> T once(Object what, Supplier<T> load) {
      return (T) LocalGroup.get(loaded.computeIfAbsent(what, w -> owner.submit(load::get)));
    }

    @SuppressWarnings("unchecked") // all runs bring the same to a meeting
    <T> ProcessGroup.Met<T> meet(T mine) {
      int meeting = brought.size();
      synchronized (RunsInTurn.this) {
        brought.add(mine);
      }
      List<Turn> come;
      do {
        pass();
        come = come(meeting);
      } while (come.isEmpty());
      if (turns.stream().anyMatch(t -> t.failed && t.brought.size() <= meeting)) {
        cancelled = new CancellationException("another run failed before this one began");
        throw cancelled;
      }
      return new ProcessGroup.Met<>(
          come.stream().map(t -> (T) t.brought.get(meeting)).toList(), come.indexOf(this));
    }
  }
}

package org.tune4j.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Example;
import org.tune4j.models.Decoder;
import org.tune4j.models.PackedRows;
import org.tune4j.models.RowFacts;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.TensorScope;

/**
 * Forward and backward of a micro-batch. On a CPU its rows are dealt to threads of one-thread
 * kernels, which beats one thread of parallel kernels; one row alone, or a CUDA device, is left to
 * the backend's own parallelism. Gradients are added in the groups' order, so that results do not
 * depend on timing.
 */
public final class RowsOverThreads implements AutoCloseable {
  private static final int IDLE_SECONDS = 60;

  private final Engine engine;
  private final Decoder model;
  private final Objective objective;
  private final int threads;
  private final int groups;
  private final boolean shared;
  private final ExecutorService pool;

  /**
   * Starts the threads; the calling thread's operations take as many from now on.
   *
   * @param engine stays open
   * @param model with weights
   * @param threads how many groups of rows run at once; less than 1 is 1
   * @param objective what is minimised
   */
  public RowsOverThreads(Engine engine, Decoder model, int threads, Objective objective) {
    this(ProcessGroup.alone(engine), model, threads, threads, objective);
  }

  /**
   * {@return the same on the engine of a rank} Runs that take turns share the threads: a thread's
   * heap keeps what activations took, so each run's own threads would keep as much again.
   *
   * @param ranks of the run
   * @param model with weights
   * @param threads how many groups of rows run at once; less than 1 is 1
   * @param objective what is minimised
   */
  public static RowsOverThreads of(
      ProcessGroup ranks, Decoder model, int threads, Objective objective) {
    return new RowsOverThreads(ranks, model, threads, threads, objective);
  }

  /**
   * {@return one that keeps the rows of a micro-batch together, with the backend's own parallelism}
   *
   * @param ranks of the run
   * @param model with weights
   * @param threads of the backend
   * @param objective what is minimised
   */
  public static RowsOverThreads inOneGroup(
      ProcessGroup ranks, Decoder model, int threads, Objective objective) {
    return new RowsOverThreads(ranks, model, threads, 1, objective);
  }

  private RowsOverThreads(
      ProcessGroup ranks, Decoder model, int threads, int groups, Objective objective) {
    this.engine = ranks.engine();
    this.model = model;
    this.objective = objective;
    this.threads = Math.max(1, threads);
    boolean onCpu = engine.device().type() == Device.Type.CPU;
    this.shared = onCpu && ranks.takesTurns();
    this.groups = onCpu ? Math.max(1, groups) : 1;
    if (onCpu) {
      // What one row alone, and whatever the calling thread does, computes depends on it too.
      engine.backend().setThreads(this.threads);
    }
    int size = this.groups;
    this.pool = shared ? ranks.once(new OfAllRuns(size), () -> threads(size)) : threads(size);
  }

  /** The threads of runs that take turns. */
  private record OfAllRuns(int threads) {}

  private static ExecutorService threads(int size) {
    AtomicInteger n = new AtomicInteger();
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            size,
            size,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread t = new Thread(task, "rows-" + n.getAndIncrement());
              t.setDaemon(true);
              return t;
            });
    threads.allowCoreThreadTimeOut(true); // nobody ends those of several runs
    return threads;
  }

  /**
   * Adds the gradients of the objective's sum over {@code rows}.
   *
   * @param rows of a micro-batch; none add nothing
   * @param seed of this micro-batch's dropout
   * @param gradients over the model's trained parameters
   * @return the sums over the rows
   */
  public Objective.Sums forwardBackward(List<Example> rows, long seed, Gradients gradients) {
    return forwardBackward(objective, rows, seed, gradients);
  }

  /** The same of an objective of this micro-batch. */
  Objective.Sums forwardBackward(
      Objective objective, List<Example> rows, long seed, Gradients gradients) {
    return run(
        objective,
        rows,
        seed,
        (group, some, own, turn) -> {
          try (TensorScope scope = engine.openScope()) {
            Pass pass = new Pass(engine, scope, true, own);
            Objective.Sums sums = lossAndBackward(objective, pass, some);
            turn.await();
            gradients.add(pass.gradients());
            return sums;
          }
        });
  }

  /**
   * The same of an update's last micro-batch: gradients are exchanged with the other ranks while
   * those below them are still computed.
   */
  Objective.Sums forwardBackward(
      Objective objective, List<Example> rows, long seed, BucketExchange exchange) {
    if (rows.isEmpty()) {
      return Objective.Sums.ZERO;
    }
    exchange.expect(Math.max(1, deal(objective, rows).size()));
    return run(
        objective,
        rows,
        seed,
        (group, some, own, turn) -> {
          try (TensorScope scope = engine.openScope()) {
            Pass pass = Pass.streaming(engine, scope, own, exchange.of(group));
            return lossAndBackward(objective, pass, some);
          }
        });
  }

  /**
   * Hands each parameter's gradient of the summed loss on as soon as it is whole. The rows are one
   * group, with the backend's own parallelism, for a gradient is whole once all rows have had their
   * share; the model must {@linkplain Decoder#setCheckpointLayers checkpoint} its layers.
   */
  Objective.Sums forwardBackward(
      Objective objective, List<Example> rows, long seed, Pass.GradientSink sink) {
    try (TensorScope scope = engine.openScope()) {
      Pass pass = Pass.streaming(engine, scope, seed, sink);
      if (rows.isEmpty()) {
        model.idle(pass, objective);
        return Objective.Sums.ZERO;
      }
      return lossAndBackward(objective, pass, rows);
    }
  }

  /**
   * {@return the sums alone, without dropout and gradients}
   *
   * @param rows of a micro-batch; without any, the model makes an {@linkplain Decoder#idle idle}
   *     pass
   */
  public Objective.Sums evaluate(List<Example> rows) {
    return evaluate(objective, rows);
  }

  /** The same of another objective. */
  Objective.Sums evaluate(Objective objective, List<Example> rows) {
    return run(
        objective,
        rows,
        0,
        (group, some, own, turn) -> {
          try (TensorScope scope = engine.openScope();
              Engine.NoGradient off = engine.noGradient()) {
            Pass pass = Pass.evaluation(engine, scope);
            if (some.isEmpty()) {
              model.idle(pass, objective);
              return Objective.Sums.ZERO;
            }
            return lossAndBackward(objective, pass, some);
          }
        });
  }

  private Objective.Sums lossAndBackward(Objective objective, Pass pass, List<Example> rows) {
    return rows.isEmpty()
        ? Objective.Sums.ZERO
        : model.lossAndBackward(pass, pack(rows), labels(rows), objective);
  }

  /** {@return what is minimised} */
  public Objective objective() {
    return objective;
  }

  /** How many tokens a row can have at most. */
  int longest() {
    return model.config().maxSeqLen();
  }

  /** What is done with one group of rows; its turn comes when the groups before it have ended. */
  @FunctionalInterface
  private interface GroupOfRows {
    Objective.Sums run(int group, List<Example> rows, long seed, CountDownLatch turn)
        throws InterruptedException;
  }

  private List<List<Integer>> deal(Objective objective, List<Example> rows) {
    int[] lengths = rows.stream().mapToInt(r -> r.tokens().length).toArray();
    return RowGroups.balance(lengths, objective.rowsTogether(), groups);
  }

  private Objective.Sums run(Objective objective, List<Example> rows, long seed, GroupOfRows each) {
    List<List<Integer>> groups = deal(objective, rows);
    if (groups.size() <= 1) {
      return alone(() -> turned(each, 0, rows, RandomBits.bits(seed, 0), new CountDownLatch(0)));
    }
    List<Future<Objective.Sums>> running = new ArrayList<>();
    CountDownLatch before = new CountDownLatch(0);
    for (int g = 0; g < groups.size(); g++) {
      int number = g;
      List<Example> group = groups.get(g).stream().map(rows::get).toList();
      CountDownLatch turn = before;
      CountDownLatch done = new CountDownLatch(1);
      running.add(
          pool.submit(
              () -> {
                engine.backend().setThreads(1);
                try {
                  return turned(each, number, group, RandomBits.bits(seed, number), turn);
                } finally {
                  done.countDown();
                }
              }));
      before = done;
    }
    running.forEach(RowsOverThreads::ended); // none uses the model any longer if one fails
    Objective.Sums sums = Objective.Sums.ZERO;
    for (Future<Objective.Sums> f : running) {
      sums = sums.plus(await(f));
    }
    return sums;
  }

  /** One group, with the backend's own parallelism, on a thread whose heap all runs use. */
  private Objective.Sums alone(Supplier<Objective.Sums> group) {
    if (!shared) {
      return group.get();
    }
    return await(
        pool.submit(
            () -> {
              engine.backend().setThreads(threads);
              return group.get();
            }));
  }

  private static Objective.Sums turned(
      GroupOfRows each, int number, List<Example> rows, long seed, CountDownLatch turn) {
    try {
      return each.run(number, rows, seed, turn);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the step was interrupted", e);
    }
  }

  private static Objective.Sums await(Future<Objective.Sums> f) {
    try {
      return f.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException r) {
        throw r;
      }
      if (e.getCause() instanceof Error r) {
        throw r;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the step was interrupted", e);
    }
  }

  private static void ended(Future<Objective.Sums> f) {
    try {
      Objective.Sums unused = f.get();
    } catch (ExecutionException e) {
      // thrown when the sums are added
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the step was interrupted", e);
    }
  }

  /** Rows end to end; a packed row's parts stay apart. */
  private static PackedRows pack(List<Example> rows) {
    int[] tokens = rows.stream().flatMapToInt(r -> Arrays.stream(r.tokens())).toArray();
    List<Integer> ends = new ArrayList<>();
    int at = 0;
    for (Example row : rows) {
      for (int end : row.rowEnds()) {
        ends.add(at + end);
      }
      at += row.tokens().length;
    }
    return new PackedRows(
        tokens,
        ends.stream().mapToInt(e -> e).toArray(),
        new RowFacts(
            facts(rows, RowFacts::ratings),
            facts(rows, RowFacts::reference),
            facts(rows, RowFacts::earlier)));
  }

  /** What is known of all rows; nothing where it is not known of some. */
  private static double[] facts(List<Example> rows, Function<RowFacts, double[]> fact) {
    boolean known = rows.stream().allMatch(r -> fact.apply(r.facts()).length > 0);
    return known
        ? rows.stream().flatMapToDouble(r -> Arrays.stream(fact.apply(r.facts()))).toArray()
        : new double[0];
  }

  private static int[] labels(List<Example> rows) {
    return rows.stream().flatMapToInt(r -> Arrays.stream(r.labels())).toArray();
  }

  @Override
  public void close() {
    if (shared) {
      return; // its threads are the other runs', too
    }
    pool.shutdownNow();
  }
}

package org.tune4j.collective;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.CollectiveException;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Ranks that are threads of this JVM. They share an engine, or each has one, on a device of its
 * own. A collective is made of copies and sums of the other ranks' own tensors: rank 0's first, in
 * fp32 or wider. Each rank has one thread on which its collectives run in order.
 */
final class LocalGroup {
  private final int worldSize;
  private final Duration timeout;
  private final Meeting meeting;
  private final ExecutorService owner;
  private final Map<Integer, Future<?>> loaded = new ConcurrentHashMap<>();
  private final Map<List<Integer>, LinkedBlockingQueue<Parcel>> sent = new ConcurrentHashMap<>();

  /** What is sent, and who is told once it is received. */
  private record Parcel(Tensor tensor, CompletableFuture<@Nullable Void> received) {}

  /**
   * A group.
   *
   * @param owner one thread with an open scope, in which {@link Collectives#once} loads
   */
  LocalGroup(int worldSize, Duration timeout, ExecutorService owner) {
    this.worldSize = worldSize;
    this.timeout = timeout;
    this.owner = owner;
    this.meeting = new Meeting(worldSize, timeout);
  }

  /**
   * One of the ranks.
   *
   * @param engine of its tensors
   * @param shared whether it is that of all ranks, which then share what {@link Collectives#once}
   *     loads
   */
  Collectives member(int rank, Engine engine, boolean shared) {
    return new Member(rank, engine, shared);
  }

  /** A rank has failed, or all are to end: the others do at their next collective. */
  void fail(String why) {
    CollectiveException unused = meeting.failed(why);
  }

  static String failed(int rank, Throwable cause) {
    return "rank %d failed: %s".formatted(rank, cause.getMessage());
  }

  private final class Member implements Collectives {
    private final int rank;
    private final Engine engine;
    private final boolean shared;
    private final ExecutorService inOrder;
    private final ExecutorService receiving;
    private int loads;

    Member(int rank, Engine engine, boolean shared) {
      this.rank = rank;
      this.engine = engine;
      this.shared = shared;
      this.inOrder = Executors.newSingleThreadExecutor(task -> daemon(task, "collectives-" + rank));
      this.receiving = Executors.newCachedThreadPool(task -> daemon(task, "receive-" + rank));
    }

    private static Thread daemon(Runnable task, String name) {
      Thread t = new Thread(task, name);
      t.setDaemon(true);
      return t;
    }

    @Override
    public String name() {
      return "local";
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
    public boolean oneProcess() {
      return shared;
    }

    @Override
    public Work allReduce(Tensor tensor) {
      String what = what("allReduce", tensor);
      return start(
          () -> {
            List<Tensor> all = meet(what, tensor);
            Tensor part = rangeOfSum(all, tensor.dtype());
            Tensor sum = together(meet(what, part));
            tensor.copyFrom(sum.reshape(tensor.shape().toArray()));
          });
    }

    @Override
    public Work allGather(Tensor part, Tensor whole) {
      String what = what("allGather", whole);
      return start(() -> whole.copyFrom(together(meet(what, part))));
    }

    @Override
    public Work reduceScatter(Tensor whole, Tensor part) {
      String what = what("reduceScatter", whole);
      return start(() -> part.copyFrom(rangeOfSum(meet(what, whole), whole.dtype())));
    }

    @Override
    public Work broadcast(Tensor tensor, int from) {
      String what = what("broadcast from rank " + from + " of", tensor);
      return start(
          () -> {
            Tensor source = meet(what, tensor).get(from);
            if (from != rank) {
              tensor.copyFrom(source);
            }
          });
    }

    @Override
    public Work barrier() {
      return start(() -> {});
    }

    /** This rank's range of the sum, added in the order of the ranks. */
    private Tensor rangeOfSum(List<Tensor> all, DType dtype) {
      @Nullable Tensor sum = null;
      for (Tensor t : all) {
        Tensor piece = near(t, ShardRange.of(t.shape().elements(), rank, worldSize));
        Tensor wide = dtype == DType.FP64 || dtype == DType.FP32 ? piece : piece.cast(DType.FP32);
        sum = sum == null ? wide : sum.add(wide);
      }
      Tensor whole = Objects.requireNonNull(sum);
      return whole.dtype() == dtype ? whole : whole.cast(dtype);
    }

    /** The ranks' ranges, in order. */
    private Tensor together(List<Tensor> parts) {
      return Tensor.cat(
          parts.stream().map(p -> near(p, new ShardRange(0, p.shape().elements()))).toList(), 0);
    }

    /** A range of a rank's elements as a tensor of this rank's engine. */
    private Tensor near(Tensor t, ShardRange range) {
      if (t.engine() == engine) {
        return t.reshape(-1).narrow(0, range.start(), range.length());
      }
      Tensor copy = engine.zeros(t.dtype(), Shape.of(range.length()));
      try (TensorScope theirs = t.engine().openScope()) {
        copy.copyFrom(t.reshape(-1).narrow(0, range.start(), range.length()));
      }
      return copy;
    }

    private List<Tensor> meet(String what, Tensor mine) {
      return meeting.exchange(rank, what, mine).stream().map(Objects::requireNonNull).toList();
    }

    private static String what(String op, Tensor t) {
      return "%s %s %s".formatted(op, t.dtype(), t.shape());
    }

    /**
     * Runs it after those started before; no rank goes on while another still reads its tensors.
     */
    private Work start(Runnable collective) {
      meeting.check();
      Future<?> running =
          inOrder.submit(
              () -> {
                try (TensorScope scope = engine.openScope();
                    Engine.NoGradient off = engine.noGradient()) {
                  collective.run();
                  meeting.exchange(rank, "ends a collective", null);
                } catch (CollectiveException e) {
                  throw e;
                } catch (RuntimeException e) {
                  fail(failed(rank, e));
                  throw e;
                }
              });
      return () -> get(running);
    }

    @Override
    public Work send(Tensor tensor, int to) {
      meeting.check();
      CompletableFuture<@Nullable Void> received = new CompletableFuture<>();
      queue(rank, to).add(new Parcel(tensor, received));
      return () -> waitFor(received, "send to rank " + to);
    }

    @Override
    public Work receive(Tensor tensor, int from) {
      meeting.check();
      CompletableFuture<@Nullable Void> done = new CompletableFuture<>();
      receiving.execute(
          () -> {
            try {
              Parcel parcel = queue(from, rank).poll(timeout.toMillis(), TimeUnit.MILLISECONDS);
              if (parcel == null) {
                throw meeting.failed(
                    "receive: rank %d did not send within %.3g s"
                        .formatted(from, timeout.toMillis() / 1000.0));
              }
              try (TensorScope scope = engine.openScope()) {
                tensor.copyFrom(parcel.tensor);
              }
              parcel.received.complete(null);
              done.complete(null);
            } catch (InterruptedException | RuntimeException e) {
              done.completeExceptionally(e);
            }
          });
      return () -> waitFor(done, "receive from rank " + from);
    }

    private LinkedBlockingQueue<Parcel> queue(int from, int to) {
      return sent.computeIfAbsent(List.of(from, to), k -> new LinkedBlockingQueue<>());
    }

    /** Waits, looking up now and then whether the group has ended. */
    private void waitFor(CompletableFuture<@Nullable Void> done, String what) {
      long deadline = System.nanoTime() + timeout.toNanos();
      while (!done.isDone()) {
        meeting.check();
        if (System.nanoTime() > deadline) {
          throw meeting.failed(what + ": no answer within the time-out");
        }
        try {
          done.get(20, TimeUnit.MILLISECONDS);
        } catch (java.util.concurrent.TimeoutException e) {
          // looked up again above
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw meeting.failed(what + ": interrupted");
        } catch (ExecutionException e) {
          break;
        }
      }
      get(done);
    }

    @Override
    @SuppressWarnings("unchecked") // every rank asks for the same things in the same order
    public <T> T once(Supplier<T> load) {
      if (!shared) {
        return load.get();
      }
      Future<?> result = loaded.computeIfAbsent(loads++, n -> owner.submit(load::get));
      return (T) get(result);
    }

    @Override
    public void close() {
      meeting.leave(rank);
      inOrder.shutdown();
      receiving.shutdownNow();
    }
  }

  static <T> T get(Future<T> future) {
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof CollectiveException c) {
        throw new CollectiveException(String.valueOf(c.getMessage()), c);
      }
      if (e.getCause() instanceof RuntimeException r) {
        throw r;
      }
      if (e.getCause() instanceof Error r) {
        throw r;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CollectiveException("interrupted while waiting for other ranks", e);
    }
  }
}

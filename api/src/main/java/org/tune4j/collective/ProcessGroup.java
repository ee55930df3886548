package org.tune4j.collective;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * The ranks of a run as one of them sees them, with the engine it computes on. All ranks call the
 * same methods in the same order; what carries them is a {@link Collectives}, of which nothing
 * shows here. A group of one does nothing and needs none.
 *
 * <p>Used by one thread. Methods that return {@link Work} return at once.
 */
public final class ProcessGroup implements AutoCloseable {
  /** Numbers of 16 bits, which fp32 holds exactly, of a text's digest. */
  private static final int DIGITS = 8;

  private final Engine engine;
  private final Optional<Collectives> others;
  private final Optional<RunsInTurn.Turn> turn;
  private final boolean ownsEngine;
  private final int fullSize;
  private final AtomicLong waited = new AtomicLong();

  /**
   * A group.
   *
   * @param engine that this rank computes on
   * @param others empty for a group of one
   * @param ownsEngine whether {@link #close} closes the engine
   */
  public ProcessGroup(Engine engine, Optional<Collectives> others, boolean ownsEngine) {
    this(engine, others, ownsEngine, others.map(Collectives::worldSize).orElse(1));
  }

  /**
   * A group whose machines come and go.
   *
   * @param engine that this rank computes on
   * @param others empty for a group of one
   * @param ownsEngine whether {@link #close} closes the engine
   * @param fullSize how many ranks there are when all machines are there
   */
  public ProcessGroup(
      Engine engine, Optional<Collectives> others, boolean ownsEngine, int fullSize) {
    this(engine, others, Optional.empty(), ownsEngine, fullSize);
  }

  private ProcessGroup(
      Engine engine,
      Optional<Collectives> others,
      Optional<RunsInTurn.Turn> turn,
      boolean ownsEngine,
      int fullSize) {
    this.engine = engine;
    this.others = others;
    this.turn = turn;
    this.ownsEngine = ownsEngine;
    this.fullSize = fullSize;
  }

  /**
   * {@return a group of one}
   *
   * @param engine stays open
   */
  public static ProcessGroup alone(Engine engine) {
    return new ProcessGroup(engine, Optional.empty(), false);
  }

  /** A group of one that takes turns with other runs; the engine stays open. */
  static ProcessGroup inTurn(Engine engine, RunsInTurn.Turn turn) {
    return new ProcessGroup(engine, Optional.empty(), Optional.of(turn), false, 1);
  }

  /** {@return what this rank computes on} */
  public Engine engine() {
    return engine;
  }

  /** {@return which of the ranks this is, from 0} */
  public int rank() {
    return others.map(Collectives::rank).orElse(0);
  }

  /** {@return how many ranks there are} */
  public int worldSize() {
    return others.map(Collectives::worldSize).orElse(1);
  }

  /**
   * {@return how many ranks there are when all machines are there: as many rows are a batch's,
   * whoever is there to take them, so that a step gives the same}
   */
  public int fullSize() {
    return fullSize;
  }

  /**
   * {@return whether the ranks are threads of one process, which share what {@link #once} loads}
   */
  public boolean oneProcess() {
    return others.map(Collectives::oneProcess).orElse(false);
  }

  /** {@return how ranks are carried, for people} */
  public String name() {
    return others.map(Collectives::name).orElse("one rank");
  }

  /**
   * Adds up over the ranks.
   *
   * @param tensor floating; becomes the sum, the same bits on every rank
   * @return ends when it is
   * @throws IllegalArgumentException when its type is not floating
   */
  public Work allReduce(Tensor tensor) {
    checkFloating("allReduce", tensor);
    return start(c -> c.allReduce(tensor));
  }

  /**
   * Puts the ranks' ranges together.
   *
   * @param part this rank's {@link ShardRange} of {@code whole}
   * @param whole {@code [n]}; is overwritten
   * @return ends when {@code whole} is
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Work allGather(Tensor part, Tensor whole) {
    checkPart("allGather", whole, part);
    if (others.isEmpty()) {
      whole.copyFrom(part);
    }
    return start(c -> c.allGather(part, whole));
  }

  /**
   * Gives each rank its range of the sum over the ranks.
   *
   * @param whole {@code [n]}, floating; unchanged
   * @param part this rank's {@link ShardRange} of it; is overwritten
   * @return ends when {@code part} is
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Work reduceScatter(Tensor whole, Tensor part) {
    checkFloating("reduceScatter", whole);
    checkPart("reduceScatter", whole, part);
    if (others.isEmpty()) {
      part.copyFrom(whole);
    }
    return start(c -> c.reduceScatter(whole, part));
  }

  /**
   * Gives every rank what one has.
   *
   * @param tensor is overwritten on all ranks but {@code from}
   * @param from the rank that has it
   * @return ends when the tensor is there
   * @throws IllegalArgumentException when there is no such rank
   */
  public Work broadcast(Tensor tensor, int from) {
    checkRank("broadcast", from);
    return start(c -> c.broadcast(tensor, from));
  }

  /**
   * Sends to another rank; several between two ranks arrive in their order.
   *
   * @param tensor not to be changed before the end
   * @param to the rank that receives
   * @return ends when it is under way
   * @throws IllegalArgumentException when there is no such rank, or it is this one
   */
  public Work send(Tensor tensor, int to) {
    checkOther("send", to);
    return start(c -> c.send(tensor, to));
  }

  /**
   * Receives from another rank, which sends.
   *
   * @param tensor is overwritten
   * @param from the rank that sends
   * @return ends when it is there
   * @throws IllegalArgumentException when there is no such rank, or it is this one
   */
  public Work receive(Tensor tensor, int from) {
    checkOther("receive", from);
    return start(c -> c.receive(tensor, from));
  }

  /** Waits until every rank is here. */
  public void barrier() {
    start(Collectives::barrier).await();
  }

  /**
   * {@return the sum of a number over the ranks, the same to the last bit on each}
   *
   * @param value of this rank
   */
  public double sum(double value) {
    return sums(value)[0];
  }

  /**
   * {@return the sums of numbers over the ranks, the same to the last bit on each; in one message}
   *
   * @param values of this rank, as many on each
   */
  public double[] sums(double... values) {
    if (others.isEmpty()) {
      return values.clone();
    }
    DType widest = engine.backend().dtypes().contains(DType.FP64) ? DType.FP64 : DType.FP32;
    try (TensorScope scope = engine.openScope()) {
      Tensor t = engine.tensor(values, widest, Shape.of(values.length));
      allReduce(t).await();
      return t.toDoubles();
    }
  }

  /**
   * {@return whether any rank says so; the same answer on each}
   *
   * @param here what this rank says
   */
  public boolean any(boolean here) {
    return sum(here ? 1 : 0) > 0;
  }

  /**
   * {@return the ranks whose text is not rank 0's; the same answer on each}
   *
   * @param text of this rank, of any length
   */
  public List<Integer> differing(String text) {
    double[] all = new double[DIGITS * worldSize()];
    byte[] digest = digest(text);
    for (int i = 0; i < DIGITS; i++) {
      all[DIGITS * rank() + i] = (digest[2 * i] & 0xff) << 8 | (digest[2 * i + 1] & 0xff);
    }
    double[] each = sums(all);
    return IntStream.range(1, worldSize())
        .filter(r -> !Arrays.equals(each, 0, DIGITS, each, DIGITS * r, DIGITS * (r + 1)))
        .boxed()
        .toList();
  }

  private static byte[] digest(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has SHA-256", e);
    }
  }

  /**
   * What every rank would load alike, and every run that takes turns with this one: loaded once
   * where they share a process, and then owned until all of them have ended; otherwise its tensors
   * belong to the calling thread's innermost scope.
   *
   * @param <T> what is loaded
   * @param what equal to that of another run if, and only if, it loads the same; ranks ask for the
   *     same things in the same order
   * @param load called on one rank of a process
   * @return the same object on all ranks and runs of a process
   */
  public <T> T once(Object what, Supplier<T> load) {
    return turn.isPresent()
        ? turn.get().once(what, load)
        : others.isEmpty() ? load.get() : others.get().once(load);
  }

  /** {@return whether other runs of this process take turns with this one} */
  public boolean takesTurns() {
    return turn.isPresent();
  }

  /**
   * What runs that take turns have brought to a meeting.
   *
   * @param <T> what a run brings
   * @param all of those that have not ended, in the order of the runs
   * @param own the position of this run's
   */
  public record Met<T>(List<T> all, int own) {
    /** Copies the list. */
    public Met {
      all = List.copyOf(all);
    }
  }

  /**
   * Waits for the runs that take turns with this one, until each has come here or ended.
   *
   * @param <T> what a run brings
   * @param mine of this run
   * @return what they have brought; {@code mine} alone where there are no others
   * @throws java.util.concurrent.CancellationException when one of them has failed before it came
   */
  public <T> Met<T> ofRuns(T mine) {
    return turn.isPresent() ? turn.get().meet(mine) : new Met<>(List.of(mine), 0);
  }

  /** {@return seconds that this rank has waited for collectives so far} */
  public double secondsWaited() {
    return waited.get() * 1e-9;
  }

  private Work start(Function<Collectives, Work> call) {
    if (others.isEmpty()) {
      return Work.DONE;
    }
    Work work = call.apply(others.get());
    return () -> {
      long started = System.nanoTime();
      work.await();
      waited.addAndGet(System.nanoTime() - started);
    };
  }

  private void checkPart(String op, Tensor whole, Tensor part) {
    long own =
        whole.shape().rank() == 1 ? ShardRange.of(whole.size(0), rank(), worldSize()).length() : -1;
    if (part.shape().rank() != 1 || part.size(0) != own || part.dtype() != whole.dtype()) {
      throw new IllegalArgumentException(
          "%s: rank %d of %d has %s %s of %s %s; expected one dimension, equal dtypes and its shard%s"
              .formatted(
                  op,
                  rank(),
                  worldSize(),
                  part.dtype(),
                  part.shape(),
                  whole.dtype(),
                  whole.shape(),
                  own < 0 ? "" : " of " + own));
    }
  }

  private static void checkFloating(String op, Tensor t) {
    if (!t.dtype().isFloating()) {
      throw new IllegalArgumentException(
          "%s: dtype is %s, expected a floating one".formatted(op, t.dtype()));
    }
  }

  private void checkRank(String op, int rank) {
    if (rank < 0 || rank >= worldSize()) {
      throw new IllegalArgumentException(
          "%s: there is no rank %d among %d".formatted(op, rank, worldSize()));
    }
  }

  private void checkOther(String op, int rank) {
    checkRank(op, rank);
    if (rank == rank()) {
      throw new IllegalArgumentException(
          "%s: rank %d is this one".formatted(op.toLowerCase(Locale.ROOT), rank));
    }
  }

  /** Leaves; ranks that wait for this one fail. */
  @Override
  public void close() {
    others.ifPresent(Collectives::close);
    if (ownsEngine) {
      engine.close();
    }
  }
}

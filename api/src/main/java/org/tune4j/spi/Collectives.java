package org.tune4j.spi;

import java.util.function.Supplier;
import org.tune4j.collective.Work;
import org.tune4j.tensor.Tensor;

/**
 * What a provider of collectives gives. Callers are {@link org.tune4j.collective.ProcessGroup}:
 * arguments are already checked. All ranks call the same methods in the same order with tensors of
 * equal shapes and types; each method returns at once and its {@link Work} ends when the tensors
 * hold the result. A sum's order depends on the ranks alone, never on timing.
 *
 * <p>A rank that is gone, or late by the time-out, makes the others' work end with a {@link
 * org.tune4j.CollectiveException}; so do all calls after that.
 */
public interface Collectives extends AutoCloseable {
  /** How ranks are carried, for people, such as {@code c10d/gloo}. */
  String name();

  int rank();

  int worldSize();

  /** Whether the ranks are threads of one process, which share what {@link #once} loads. */
  default boolean oneProcess() {
    return false;
  }

  /** Replaces {@code tensor} by the sum over the ranks. */
  Work allReduce(Tensor tensor);

  /**
   * Puts the ranks' stretches together.
   *
   * @param part this rank's {@link org.tune4j.collective.Stretch} of {@code whole [n]}
   */
  Work allGather(Tensor part, Tensor whole);

  /**
   * Gives each rank its stretch of the sum over the ranks.
   *
   * @param whole {@code [n]}; unchanged
   * @param part this rank's {@link org.tune4j.collective.Stretch} of it
   */
  Work reduceScatter(Tensor whole, Tensor part);

  /** Replaces {@code tensor} by that of rank {@code from}. */
  Work broadcast(Tensor tensor, int from);

  /** Sends to one rank, which receives; several between two ranks arrive in their order. */
  Work send(Tensor tensor, int to);

  /** Overwrites {@code tensor} with what one rank sends. */
  Work receive(Tensor tensor, int from);

  /** Ends when every rank has called it. */
  Work barrier();

  /**
   * What every rank would load alike: loaded once where ranks share a process, and then owned until
   * all of them have left.
   */
  default <T> T once(Supplier<T> load) {
    return load.get();
  }

  /** Leaves. Ranks that wait for this one fail; closing twice is harmless. */
  @Override
  void close();
}

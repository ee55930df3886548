package org.tune4j.collective;

import java.util.function.Supplier;
import org.tune4j.tensor.Tensor;

/**
 * What a provider of collectives gives. Callers are {@link ProcessGroup}: arguments are already
 * checked. All ranks call the same methods in the same order with tensors of equal shapes and
 * types; each method returns at once and its {@link Work} ends when the tensors hold the result. A
 * sum's order depends on the ranks alone, never on timing.
 *
 * <p>A rank that is gone, or late by the time-out, makes the others' work end with a {@link
 * org.tune4j.CollectiveException}; so do all calls after that.
 */
public interface Collectives extends AutoCloseable {
  /** {@return how ranks are carried, for people, such as {@code c10d/gloo}} */
  String name();

  /** {@return which of the ranks this is, from 0} */
  int rank();

  /** {@return how many ranks there are} */
  int worldSize();

  /**
   * {@return whether the ranks are threads of one process, which share what {@link #once} loads}
   */
  default boolean oneProcess() {
    return false;
  }

  /**
   * Adds up over the ranks.
   *
   * @param tensor contiguous; becomes the sum, the same bits on every rank
   * @return ends when it is
   */
  Work allReduce(Tensor tensor);

  /**
   * Puts the ranks' ranges together.
   *
   * @param part this rank's {@link ShardRange} of {@code whole}
   * @param whole {@code [n]}; is overwritten
   * @return ends when {@code whole} is
   */
  Work allGather(Tensor part, Tensor whole);

  /**
   * Gives each rank its range of the sum over the ranks.
   *
   * @param whole {@code [n]}; unchanged
   * @param part this rank's {@link ShardRange} of it; is overwritten
   * @return ends when {@code part} is
   */
  Work reduceScatter(Tensor whole, Tensor part);

  /**
   * Gives every rank what one has.
   *
   * @param tensor is overwritten on all ranks but {@code from}
   * @param from the rank that has it
   * @return ends when the tensor is there
   */
  Work broadcast(Tensor tensor, int from);

  /**
   * Sends to one rank, which receives; several between two ranks arrive in their order.
   *
   * @param tensor unchanged, and not to be changed before the end
   * @param to another rank
   * @return ends when it is under way
   */
  Work send(Tensor tensor, int to);

  /**
   * Receives from one rank, which sends.
   *
   * @param tensor is overwritten
   * @param from another rank
   * @return ends when it is there
   */
  Work receive(Tensor tensor, int from);

  /**
   * Waits for all.
   *
   * @return ends when every rank has called it
   */
  Work barrier();

  /**
   * What every rank would load alike: loaded once where ranks share a process, and then owned until
   * all of them have left.
   *
   * @param <T> what is loaded
   * @param load called on one rank where {@link #oneProcess}, else on each
   * @return the same object on all ranks of a process
   */
  default <T> T once(Supplier<T> load) {
    return load.get();
  }

  /** Leaves. Ranks that wait for this one fail; closing twice is harmless. */
  @Override
  void close();
}

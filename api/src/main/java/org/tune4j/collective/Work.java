package org.tune4j.collective;

/** A collective under way. Its tensors are not touched until {@link #await} returns. */
@FunctionalInterface
public interface Work {
  /** Nothing is under way. */
  Work DONE = () -> {};

  /**
   * Waits until the result is there.
   *
   * @throws org.tune4j.CollectiveException when a rank is gone, late, or did something else
   */
  void await();
}

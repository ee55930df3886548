package org.tune4j.loss;

import org.tune4j.tensor.Tensor;

/**
 * How far a student's next tokens are from a teacher's: a sum over positions. Called by several
 * threads at once, each with tensors of its own.
 */
public interface DistillationLoss {
  /**
   * The loss of some positions; belongs to the calling thread's innermost scope.
   *
   * @param student its logits, {@code [n, vocab]}, through which gradients flow
   * @param teacher its logits, in the same shape
   * @return the sum over the positions, a scalar in fp32 or wider
   */
  Tensor sum(Tensor student, Tensor teacher);
}

package org.tune4j.nn;

import org.tune4j.tensor.Tensor;

/** A sum over positions of a function of their logits, the reference's and their labels. */
@FunctionalInterface
public interface Divergence {
  /**
   * The sum over some positions. Its gradient is taken at once, unless gradients are off; the
   * result belongs to the calling thread's innermost scope.
   *
   * @param logits {@code [n, vocab]}, in the model's type
   * @param reference the reference's, in the same shape; no gradient flows there
   * @param labels {@code [n]}, int64 ids, none of them ignored
   * @return a scalar in fp32 or wider
   */
  Tensor sum(Tensor logits, Tensor reference, Tensor labels);
}

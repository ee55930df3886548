package org.tune4j.nn;

import org.tune4j.tensor.Tensor;

/**
 * The objective of supervised fine-tuning: a sum over positions of a function of their logits and
 * labels, divided by the label tokens. The sum of a batch is the sum of its parts, so that logits
 * need to exist for a few positions at a time only.
 *
 * <p>Called by several threads at once, each with tensors of its own.
 */
public interface Loss extends Objective {
  @Override
  default Rating rating() {
    return Rating.NONE;
  }

  @Override
  default long count(long rows, long labelTokens) {
    return labelTokens;
  }

  @Override
  default Sums evaluate(RowsAtHead rows) {
    return Sums.of(rows.sum(this));
  }

  /**
   * The loss of some positions. Its gradient is taken at once, unless gradients are off; the result
   * belongs to the calling thread's innermost scope.
   *
   * @param logits {@code [n, vocab]}, in the model's type
   * @param labels {@code [n]}, int64 ids, none of them ignored
   * @return the sum over the positions, a scalar in fp32 or wider
   */
  Tensor sum(Tensor logits, Tensor labels);

  /**
   * {@return the cross-entropy of the next token, in fp32 or wider}
   *
   * @param chunkTokens labels whose logits are computed at once, 1 or more
   */
  static Loss crossEntropy(int chunkTokens) {
    return new Loss() {
      @Override
      public int chunkTokens() {
        return chunkTokens;
      }

      @Override
      public Tensor sum(Tensor logits, Tensor labels) {
        return logits.engine().operations().crossEntropy(logits, labels);
      }
    };
  }
}

package org.tune4j.nn;

import org.jspecify.annotations.Nullable;
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
   * The same of a loss whose gradient has a closed form, which takes the logits' place. This saves
   * what autograd keeps of them, which is larger than any other tensor of a step.
   *
   * @param logits {@code [n, vocab]}, detached; overwritten with the gradient at them
   * @param labels as {@link #sum} takes them
   * @return the sum; null, and the logits stay, where the gradient is to be taken of {@link #sum}
   */
  default @Nullable Tensor sumAndGradient(Tensor logits, Tensor labels) {
    return null;
  }

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

      @Override
      public @Nullable Tensor sumAndGradient(Tensor logits, Tensor labels) {
        return logits.engine().operations().crossEntropyGradient(logits, labels);
      }
    };
  }
}

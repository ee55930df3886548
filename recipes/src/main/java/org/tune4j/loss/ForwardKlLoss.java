package org.tune4j.loss;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * The student's cross-entropy against the teacher's probabilities: forward Kullback-Leibler
 * divergence but for the teacher's entropy, which no gradient depends on, as in torchtune.
 *
 * @param numOutputChunks accepted for torchtune's configs
 */
public record ForwardKlLoss(int numOutputChunks) implements DistillationLoss {
  /** Takes torchtune's names. */
  @Component(
      value = "forward_kl_loss",
      aliases = {
        "torchtune.modules.loss.ForwardKLLoss",
        "torchtune.modules.loss.ForwardKLWithChunkedOutputLoss"
      })
  public ForwardKlLoss(
      @Doc("accepted for torchtune's configs; the loss's chunk_tokens counts") @Default("8")
          int numOutputChunks) {
    this.numOutputChunks = numOutputChunks;
  }

  @Override
  public Tensor sum(Tensor student, Tensor teacher) {
    try (TensorScope scope = student.engine().openScope()) {
      return scope.moveOut(LogSoftmax.of(teacher).exp().mul(LogSoftmax.of(student)).sum().neg());
    }
  }
}

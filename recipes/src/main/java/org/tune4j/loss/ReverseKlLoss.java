package org.tune4j.loss;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Reverse Kullback-Leibler divergence, the student's from the teacher's (Gu et al. 2024).
 *
 * @param numOutputChunks accepted for torchtune's configs
 */
public record ReverseKlLoss(int numOutputChunks) implements DistillationLoss {
  /** Takes torchtune's names. */
  @Component(
      value = "reverse_kl_loss",
      aliases = {
        "torchtune.modules.loss.ReverseKLLoss",
        "torchtune.modules.loss.ReverseKLWithChunkedOutputLoss"
      })
  public ReverseKlLoss(
      @Doc("accepted for torchtune's configs; the loss's chunk_tokens counts") @Default("8")
          int numOutputChunks) {
    this.numOutputChunks = numOutputChunks;
  }

  @Override
  public Tensor sum(Tensor student, Tensor teacher) {
    try (TensorScope scope = student.engine().openScope()) {
      Tensor log = LogSoftmax.of(student);
      return scope.moveOut(log.exp().mul(log.sub(LogSoftmax.of(teacher))).sum());
    }
  }
}

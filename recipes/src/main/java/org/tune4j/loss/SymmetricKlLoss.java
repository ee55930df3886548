package org.tune4j.loss;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * A mixture of {@link ForwardKlLoss} and {@link ReverseKlLoss}.
 *
 * @param symKdRatio the share of the former, from 0 to 1
 * @param numOutputChunks accepted for torchtune's configs
 */
public record SymmetricKlLoss(double symKdRatio, int numOutputChunks) implements DistillationLoss {
  /**
   * Takes torchtune's names.
   *
   * @throws org.tune4j.UsageException when the share is out of its range
   */
  @Component(
      value = "symmetric_kl_loss",
      aliases = {
        "torchtune.modules.loss.SymmetricKLLoss",
        "torchtune.modules.loss.SymmetricKLWithChunkedOutputLoss"
      })
  public SymmetricKlLoss(
      @Doc("the share of forward KL, the rest is reverse KL") @Default("0.5") double symKdRatio,
      @Doc("accepted for torchtune's configs; the loss's chunk_tokens counts") @Default("8")
          int numOutputChunks) {
    new Requirements()
        .that(
            symKdRatio >= 0 && symKdRatio <= 1,
            "sym_kd_ratio is %s, expected 0 to 1".formatted(symKdRatio))
        .check();
    this.symKdRatio = symKdRatio;
    this.numOutputChunks = numOutputChunks;
  }

  @Override
  public Tensor sum(Tensor student, Tensor teacher) {
    try (TensorScope scope = student.engine().openScope()) {
      Tensor forward = new ForwardKlLoss(numOutputChunks).sum(student, teacher);
      Tensor reverse = new ReverseKlLoss(numOutputChunks).sum(student, teacher);
      return scope.moveOut(forward.mul(symKdRatio).add(reverse.mul(1 - symKdRatio)));
    }
  }
}

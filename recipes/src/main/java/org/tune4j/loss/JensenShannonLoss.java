package org.tune4j.loss;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Generalised Jensen-Shannon divergence (Agarwal et al. 2024): how far teacher and student are from
 * their mixture.
 *
 * @param beta the teacher's share of the mixture, above 0 and below 1
 */
public record JensenShannonLoss(double beta) implements DistillationLoss {
  /**
   * Checks the share.
   *
   * @throws org.tune4j.UsageException when it is out of its range
   */
  @Component("jensen_shannon_loss")
  public JensenShannonLoss(@Doc("the teacher's share of the mixture") @Default("0.5") double beta) {
    new Requirements()
        .that(beta > 0 && beta < 1, "beta is %s, expected above 0 and below 1".formatted(beta))
        .check();
    this.beta = beta;
  }

  @Override
  public Tensor sum(Tensor student, Tensor teacher) {
    try (TensorScope scope = student.engine().openScope()) {
      Tensor s = LogSoftmax.of(student);
      Tensor t = LogSoftmax.of(teacher);
      Tensor ps = s.exp();
      Tensor pt = t.exp();
      // At least as large as a share of either, so that its logarithm is finite where that counts.
      Tensor mixture = pt.mul(beta).add(ps.mul(1 - beta)).add(Float.MIN_NORMAL).log();
      Tensor ofTeacher = pt.mul(t.sub(mixture)).sum();
      Tensor ofStudent = ps.mul(s.sub(mixture)).sum();
      return scope.moveOut(ofTeacher.mul(beta).add(ofStudent.mul(1 - beta)));
    }
  }
}

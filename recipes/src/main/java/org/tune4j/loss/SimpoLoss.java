package org.tune4j.loss;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;

/**
 * SimPO (Meng et al. 2024): log-probabilities averaged over each answer's tokens should be apart by
 * a margin. It needs no reference.
 */
public final class SimpoLoss extends PairLoss {
  private final double gamma;

  /**
   * SimPO.
   *
   * @param beta above 0; what averaged log-probabilities are multiplied with
   * @param gamma the margin
   * @param chunkTokens labels whose logits are computed at once
   * @throws org.tune4j.UsageException when a number is out of its range
   */
  @Component(
      value = "simpo_loss",
      aliases = {"torchtune.rlhf.loss.SimPOLoss"})
  public SimpoLoss(
      @Doc("scale of the averaged log-probabilities") @Default("2.0") double beta,
      @Doc("how far apart the scaled averages should be") @Default("0.5") double gamma,
      @Doc("labels whose logits are computed at once") @Default("128") int chunkTokens) {
    super(beta, chunkTokens);
    this.gamma = gamma;
  }

  @Override
  Point loss(double lead) {
    return Point.logistic(beta * lead - gamma).scaled(beta);
  }
}

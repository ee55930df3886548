package org.tune4j.loss;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;

/**
 * A hinge on DPO's lead, {@code max(0, 1 - beta x)} (Zhao et al. 2023 with the reference of Liu et
 * al. 2024): pairs that are far enough apart are left alone.
 */
public final class HingeLoss extends PairLoss {
  /**
   * The hinge.
   *
   * @param beta above 0; a lead of {@code 1 / beta} is enough
   * @param chunkTokens labels whose logits are computed at once
   * @throws org.tune4j.UsageException when a number is out of its range
   */
  @Component("hinge_loss")
  public HingeLoss(
      @Doc("a lead of 1 / beta is enough") @Default("0.1") double beta,
      @Doc("labels whose logits are computed at once") @Default("128") int chunkTokens) {
    super(beta, chunkTokens);
  }

  /**
   * {@return the same by torchtune's name}
   *
   * @param gamma {@code beta} here
   * @param chunkTokens labels whose logits are computed at once
   * @throws org.tune4j.UsageException when a number is out of its range
   */
  @Component("torchtune.rlhf.loss.RSOLoss")
  public static HingeLoss rso(
      @Doc("a lead of 1 / gamma is enough") @Default("0.1") double gamma,
      @Doc("labels whose logits are computed at once") @Default("128") int chunkTokens) {
    return new HingeLoss(gamma, chunkTokens);
  }

  @Override
  public boolean needsReference() {
    return true;
  }

  @Override
  Point loss(double lead) {
    double missing = 1 - beta * lead;
    return missing > 0 ? new Point(missing, -beta) : new Point(0, 0);
  }
}

package org.tune4j.loss;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/**
 * Direct preference optimisation (Rafailov et al. 2023): {@code -log(sigmoid(beta x))} of how much
 * more the chosen answer has become likelier than the rejected one, against the reference.
 */
public final class DpoLoss extends PairLoss {
  private final double labelSmoothing;
  private final boolean robust;

  /**
   * DPO.
   *
   * @param beta above 0; the larger, the closer the model stays to the reference
   * @param labelSmoothing the share of pairs whose answers are taken for swapped (cDPO, Mitchell
   *     2023), from 0 to below 0.5
   * @param robust whether the loss is corrected for that share, so that its mean is that of pairs
   *     without swaps (Chowdhury et al. 2024)
   * @param chunkTokens labels whose logits are computed at once
   * @throws org.tune4j.UsageException when a number is out of its range
   */
  @Component(
      value = "dpo_loss",
      aliases = {"torchtune.rlhf.loss.DPOLoss"})
  public DpoLoss(
      @Doc("the larger, the closer the model stays to the reference") @Default("0.1") double beta,
      @Doc("the share of pairs whose answers are taken for swapped (cDPO), below 0.5") @Default("0")
          double labelSmoothing,
      @Doc("correct the loss for the swapped share") @Default("false") boolean robust,
      @Doc("labels whose logits are computed at once") @Default("128") int chunkTokens) {
    super(beta, chunkTokens);
    new Requirements()
        .that(
            labelSmoothing >= 0 && labelSmoothing < 0.5,
            "label_smoothing is %s, expected 0 to below 0.5".formatted(labelSmoothing))
        .check();
    this.labelSmoothing = labelSmoothing;
    this.robust = robust;
  }

  @Override
  public boolean needsReference() {
    return true;
  }

  @Override
  Point loss(double lead) {
    Point right = Point.logistic(beta * lead);
    Point swapped = Point.logistic(-beta * lead);
    double scale = robust ? 1 / (1 - 2 * labelSmoothing) : 1;
    double ofRight = (1 - labelSmoothing) * scale;
    double ofSwapped = (robust ? -labelSmoothing : labelSmoothing) * scale;
    return new Point(
        ofRight * right.value() + ofSwapped * swapped.value(),
        beta * (ofRight * right.slope() - ofSwapped * swapped.slope()));
  }
}

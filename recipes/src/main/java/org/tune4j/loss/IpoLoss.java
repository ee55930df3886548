package org.tune4j.loss;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;

/**
 * Identity preference optimisation (Azar et al. 2024): the squared distance of the lead from {@code
 * 1 / (2 beta)}, log-probabilities averaged over each answer's tokens.
 */
public final class IpoLoss extends PairLoss {
  /**
   * IPO.
   *
   * @param beta above 0; the larger, the smaller the lead that is aimed at
   * @param chunkTokens labels whose logits are computed at once
   * @throws org.tune4j.UsageException when a number is out of its range
   */
  @Component("ipo_loss")
  public IpoLoss(
      @Doc("the larger, the smaller the lead that is aimed at") @Default("0.1") double beta,
      @Doc("labels whose logits are computed at once") @Default("128") int chunkTokens) {
    super(beta, chunkTokens);
  }

  @Override
  public boolean needsReference() {
    return true;
  }

  @Override
  boolean averages() {
    return true;
  }

  @Override
  Point loss(double lead) {
    double off = lead - 1 / (2 * beta);
    return new Point(off * off, 2 * off);
  }
}

package org.tune4j.loss;

import java.util.List;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.nn.MicroBatch;
import org.tune4j.nn.Objective;

/**
 * ORPO (Hong et al. 2024): cross-entropy of the chosen rows, averaged over the tokens of a
 * micro-batch, and the odds of the chosen answer against the rejected one's. The cross-entropy
 * covers prompts too, as in the authors' code and TRL. It needs no reference.
 */
public final class OrpoLoss extends PairLoss {
  /** Closer to 1, a probability's odds are not told apart from it. */
  private static final double LEAST = -1e-7;

  private final double perToken;

  /**
   * ORPO.
   *
   * @param beta above 0; how much the odds count
   * @param chunkTokens labels whose logits are computed at once
   * @throws org.tune4j.UsageException when a number is out of its range
   */
  @Component("orpo_loss")
  public OrpoLoss(
      @Doc("how much the odds count beside cross-entropy") @Default("0.1") double beta,
      @Doc("labels whose logits are computed at once") @Default("128") int chunkTokens) {
    this(beta, chunkTokens, 0);
  }

  private OrpoLoss(double beta, int chunkTokens, double perToken) {
    super(beta, chunkTokens);
    this.perToken = perToken;
  }

  @Override
  public Objective of(MicroBatch batch) {
    List<MicroBatch.Row> rows = batch.rows();
    long tokens = 0;
    for (int i = 0; i < rows.size(); i += 2) {
      tokens += rows.get(i).tokens().length - 1;
    }
    return new OrpoLoss(beta, chunkTokens, rows.size() / 2.0 / Math.max(1, tokens));
  }

  @Override
  public boolean needsPrompt(int row) {
    return row % 2 == 0;
  }

  @Override
  double perToken() {
    return perToken;
  }

  /** The logarithm of the odds. */
  @Override
  Point score(double logProbability) {
    double log = Math.min(logProbability, LEAST);
    double not = -Math.expm1(log);
    return new Point(log - Math.log(not), 1 / not);
  }

  @Override
  Point loss(double lead) {
    Point logistic = Point.logistic(lead);
    return new Point(beta * logistic.value(), beta * logistic.slope());
  }
}

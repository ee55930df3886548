package org.tune4j.loss;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.nn.Objective;
import org.tune4j.nn.RowsAtHead;

/**
 * The loss of reward models (Bradley and Terry 1952; Ouyang et al. 2022, equation 1): the chosen
 * answer's score should be above that of the rejected one, {@code -log(sigmoid(c - r - m))}, by a
 * margin {@code m} where the data give one (Touvron et al. 2023, section 3.2.2).
 */
public final class BradleyTerryLoss implements Objective {
  private final double centerRewardsCoefficient;

  /**
   * The loss.
   *
   * @param centerRewardsCoefficient of {@code (c + r)^2}, which keeps scores around 0 (Eisenstein
   *     et al. 2023); 0 or more
   * @throws org.tune4j.UsageException when it is less
   */
  @Component("bradley_terry_loss")
  public BradleyTerryLoss(
      @Doc("weight of (chosen + rejected)^2, which keeps scores around 0") @Default("0.0")
          double centerRewardsCoefficient) {
    new Requirements()
        .that(
            centerRewardsCoefficient >= 0,
            "center_rewards_coefficient is %s, expected 0 or more"
                .formatted(centerRewardsCoefficient))
        .check();
    this.centerRewardsCoefficient = centerRewardsCoefficient;
  }

  @Override
  public int chunkTokens() {
    return ClassCrossEntropy.CHUNK;
  }

  @Override
  public int rowsTogether() {
    return 2;
  }

  @Override
  public Rating rating() {
    return Rating.PAIRS;
  }

  @Override
  public boolean scoresRows() {
    return true;
  }

  @Override
  public long count(long rows, long labelTokens) {
    return rows / 2;
  }

  @Override
  public List<String> metrics() {
    return List.of(PairLoss.CHOSEN, PairLoss.REJECTED, PairLoss.ACCURACIES, PairLoss.MARGINS);
  }

  @Override
  public Sums evaluate(RowsAtHead rows) {
    double[][] scores = rows.scores();
    double[][] weights = new double[scores.length][];
    Sums sums = Sums.ZERO;
    for (int i = 0; i < scores.length; i += 2) {
      double chosen = scores[i][0];
      double rejected = scores[i + 1][0];
      double margin = rows.rating(i) - 1;
      PairLoss.Point loss = PairLoss.Point.logistic(chosen - rejected - margin);
      double center = centerRewardsCoefficient * (chosen + rejected);
      weights[i] = new double[] {loss.slope() + 2 * center};
      weights[i + 1] = new double[] {-loss.slope() + 2 * center};
      Map<String, Double> metrics = new LinkedHashMap<>();
      metrics.put(PairLoss.CHOSEN, chosen);
      metrics.put(PairLoss.REJECTED, rejected);
      metrics.put(PairLoss.ACCURACIES, chosen > rejected ? 1.0 : 0.0);
      metrics.put(PairLoss.MARGINS, chosen - rejected);
      sums = sums.plus(new Sums(loss.value() + center * (chosen + rejected), metrics));
    }
    rows.backward(weights);
    return sums;
  }
}

package org.tune4j.loss;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.tune4j.UsageException;
import org.tune4j.nn.Objective;

/** Losses of scores, against numbers from their formulas and differences. */
class ScoringLossTest {
  private static final double STEP = 1e-6;

  /** A score's derivative is what a small step of it changes. */
  private static void assertGradient(Objective loss, double[][] scores, double... ratings) {
    GivenScores at = new GivenScores(scores, ratings);
    Objective.Sums unused = loss.evaluate(at);
    for (int i = 0; i < scores.length; i++) {
      double[] slopes = new double[scores[i].length];
      for (int k = 0; k < slopes.length; k++) {
        double own = scores[i][k];
        scores[i][k] = own + STEP;
        double above = loss.evaluate(new GivenScores(scores, ratings)).loss();
        scores[i][k] = own - STEP;
        double below = loss.evaluate(new GivenScores(scores, ratings)).loss();
        scores[i][k] = own;
        slopes[k] = (above - below) / (2 * STEP);
      }
      assertArrayEquals(slopes, at.weights[i], 1e-7, "row " + i);
    }
  }

  @Test
  void bradleyTerry_isTheLogisticLossOfTheLead_lessTheMargin() {
    double[][] scores = {{1.5}, {0.5}, {-1}, {2}};
    Objective.Sums sums = new BradleyTerryLoss(0).evaluate(new GivenScores(scores, 1.25, 0, 1, 0));
    double expected = Math.log1p(Math.exp(-0.75)) + Math.log1p(Math.exp(3));
    assertEquals(expected, sums.loss(), 1e-12);
    assertEquals(
        Map.of(
            "rewards/chosen", 0.5,
            "rewards/rejected", 2.5,
            "rewards/accuracies", 1.0,
            "rewards/margins", -2.0),
        sums.metrics());
    assertGradient(new BradleyTerryLoss(0), scores, 1.25, 0, 1, 0);
  }

  @Test
  void bradleyTerry_centered_addsTheSquareOfTheSum() {
    double[][] scores = {{1.5}, {0.5}};
    double plain = new BradleyTerryLoss(0).evaluate(new GivenScores(scores, 1, 0)).loss();
    double centered = new BradleyTerryLoss(0.1).evaluate(new GivenScores(scores, 1, 0)).loss();
    assertEquals(plain + 0.1 * 4, centered, 1e-12);
    assertGradient(new BradleyTerryLoss(0.1), scores, 1, 0);
  }

  @Test
  void crossEntropy_isMinusTheLogarithmOfTheLabelsShare() {
    double[][] scores = {{1, 2, 3}, {0, 0, 1000}};
    Objective.Sums sums = new ClassCrossEntropy(0).evaluate(new GivenScores(scores, 0, 2));
    double all = Math.exp(1) + Math.exp(2) + Math.exp(3);
    assertEquals(Math.log(all) - 1, sums.loss(), 1e-12);
    assertEquals(Map.of("accuracy", 1.0), sums.metrics());
    assertGradient(new ClassCrossEntropy(0), scores, 0, 2);
  }

  @Test
  void crossEntropy_smoothed_isTorchs() {
    // torch.nn.functional.cross_entropy(tensor([[1., 2, 3]]), tensor([0]), label_smoothing=0.3)
    double[][] scores = {{1, 2, 3}};
    double all = Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3));
    double expected = 0.8 * (all - 1) + 0.1 * (all - 2) + 0.1 * (all - 3);
    assertEquals(
        expected, new ClassCrossEntropy(0.3).evaluate(new GivenScores(scores, 0)).loss(), 1e-12);
    assertGradient(new ClassCrossEntropy(0.3), scores, 0);
  }

  @Test
  void numbersOutOfRange_areRefused() {
    assertEquals(
        "center_rewards_coefficient is -1.0, expected 0 or more",
        assertThrows(UsageException.class, () -> new BradleyTerryLoss(-1)).getMessage());
    assertEquals(
        "label_smoothing is 1.0, expected 0 to below 1",
        assertThrows(UsageException.class, () -> new ClassCrossEntropy(1)).getMessage());
  }
}

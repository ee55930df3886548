package org.tune4j.loss;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.component.Requirements;
import org.tune4j.nn.Objective;
import org.tune4j.nn.RowsAtHead;

/**
 * An objective of pairs, the mean of a function of how much higher the chosen answer scores than
 * the rejected one. Metrics have TRL's meanings.
 */
abstract class PairLoss implements Objective {
  static final String CHOSEN = "rewards/chosen";
  static final String REJECTED = "rewards/rejected";
  static final String ACCURACIES = "rewards/accuracies";
  static final String MARGINS = "rewards/margins";
  static final String CHOSEN_LOG_PROBS = "log_probs/chosen";
  static final String REJECTED_LOG_PROBS = "log_probs/rejected";

  final double beta;
  final int chunkTokens;

  PairLoss(double beta, int chunkTokens) {
    new Requirements()
        .that(beta > 0, "beta is %s, expected a number above 0".formatted(beta))
        .atLeast(1, "chunk_tokens", chunkTokens)
        .check();
    this.beta = beta;
    this.chunkTokens = chunkTokens;
  }

  /**
   * A function's value and derivative.
   *
   * @param value at a point
   * @param slope there
   */
  record Point(double value, double slope) {
    /** {@code -log(sigmoid(x))}. */
    static Point logistic(double x) {
      double value = x > 0 ? Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)) - x;
      return new Point(value, -1 / (1 + Math.exp(x)));
    }

    /** {@code f(scale x)}, of {@code f} at {@code scale x}. */
    Point scaled(double scale) {
      return new Point(value, slope * scale);
    }
  }

  /** The loss of a pair whose chosen answer scores so much higher. */
  abstract Point loss(double lead);

  /**
   * An answer's score.
   *
   * @param logProbability of its tokens, less the reference's where that is needed; their mean
   *     where {@link #averages}
   */
  Point score(double logProbability) {
    return new Point(logProbability, 1);
  }

  /** Whether log-probabilities are averaged over an answer's tokens. */
  boolean averages() {
    return !needsReference();
  }

  /** How much each token of a chosen row and its prompt counts besides, as in cross-entropy. */
  double perToken() {
    return 0;
  }

  @Override
  public final int chunkTokens() {
    return chunkTokens;
  }

  @Override
  public final int rowsTogether() {
    return 2;
  }

  @Override
  public final Rating rating() {
    return Rating.PAIRS;
  }

  @Override
  public final long count(long rows, long labelTokens) {
    return rows / 2;
  }

  @Override
  public final List<String> metrics() {
    return List.of(CHOSEN, REJECTED, ACCURACIES, MARGINS, CHOSEN_LOG_PROBS, REJECTED_LOG_PROBS);
  }

  @Override
  public final Sums evaluate(RowsAtHead rows) {
    int n = rows.size();
    double[] policy = rows.logProbabilities();
    double[] reference = needsReference() ? rows.referenceLogProbabilities() : new double[n];
    double[] prompts = perToken() == 0 ? new double[n] : rows.promptLogProbabilities();
    double[] weights = new double[n];
    double[] promptWeights = new double[n];
    Sums sums = Sums.ZERO;
    for (int c = 0; c < n; c += 2) {
      int r = c + 1;
      double ofChosen = 1.0 / Math.max(1, rows.labels(c).length);
      double ofRejected = 1.0 / Math.max(1, rows.labels(r).length);
      double perChosen = averages() ? ofChosen : 1;
      double perRejected = averages() ? ofRejected : 1;
      Point chosen = score((policy[c] - reference[c]) * perChosen);
      Point rejected = score((policy[r] - reference[r]) * perRejected);
      Point loss = loss(chosen.value - rejected.value);
      weights[c] = loss.slope * chosen.slope * perChosen - perToken();
      weights[r] = -loss.slope * rejected.slope * perRejected;
      promptWeights[c] = -perToken();
      double likelihood = perToken() * (policy[c] + prompts[c]);
      boolean whole = needsReference();
      sums =
          sums.plus(
              new Sums(
                  loss.value - likelihood,
                  metrics(
                      (policy[c] - reference[c]) * (whole ? 1 : ofChosen),
                      (policy[r] - reference[r]) * (whole ? 1 : ofRejected),
                      policy[c] * (whole ? 1 : ofChosen),
                      policy[r] * (whole ? 1 : ofRejected))));
    }
    rows.backward(weights, promptWeights);
    return sums;
  }

  /** Of a pair. */
  private Map<String, Double> metrics(
      double chosen, double rejected, double chosenLogProbs, double rejectedLogProbs) {
    Map<String, Double> all = new LinkedHashMap<>();
    all.put(CHOSEN, beta * chosen);
    all.put(REJECTED, beta * rejected);
    all.put(ACCURACIES, chosen > rejected ? 1.0 : 0.0);
    all.put(MARGINS, beta * (chosen - rejected));
    all.put(CHOSEN_LOG_PROBS, chosenLogProbs);
    all.put(REJECTED_LOG_PROBS, rejectedLogProbs);
    return all;
  }
}

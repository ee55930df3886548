package org.tune4j.loss;

/** Rows whose labels' log-probabilities are given; remembers the weights of their gradient. */
final class GivenLabels extends RowsOfATest {
  private final double[][] policy;
  private final double[][] earlier;
  private final double[][] reference;
  private final double[] ratings;
  double[][] weights = {};

  GivenLabels(double[][] policy, double[][] earlier, double[][] reference, double[] ratings) {
    this.policy = policy;
    this.earlier = earlier;
    this.reference = reference;
    this.ratings = ratings;
  }

  @Override
  public int size() {
    return policy.length;
  }

  @Override
  public int[] labels(int row) {
    return new int[policy[row].length];
  }

  @Override
  public double rating(int row) {
    return ratings[row];
  }

  @Override
  public double[][] labelLogProbabilities(double temperature) {
    return policy;
  }

  @Override
  public double[][] referenceLabelLogProbabilities(double temperature) {
    return reference;
  }

  @Override
  public double[][] earlierLogProbabilities() {
    return earlier;
  }

  @Override
  public void backwardLabels(double[][] labels) {
    weights = labels;
  }
}

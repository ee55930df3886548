package org.tune4j.loss;

/** Rows whose log-probabilities are given; remembers the weights of their gradient. */
final class GivenRows extends RowsOfATest {
  private final double[] policy;
  private final double[] reference;
  private final int labels;
  double[] weights = {};

  GivenRows(double[] policy, double[] reference, int labels) {
    this.policy = policy;
    this.reference = reference;
    this.labels = labels;
  }

  @Override
  public int size() {
    return policy.length;
  }

  @Override
  public int[] labels(int row) {
    return new int[labels];
  }

  @Override
  public double rating(int row) {
    return row % 2 == 0 ? 1 : 0;
  }

  @Override
  public double[] logProbabilities() {
    return policy.clone();
  }

  @Override
  public double[] promptLogProbabilities() {
    return new double[policy.length];
  }

  @Override
  public double[] referenceLogProbabilities() {
    return reference.clone();
  }

  @Override
  public void backward(double[] rows, double[] prompts) {
    weights = rows;
  }
}

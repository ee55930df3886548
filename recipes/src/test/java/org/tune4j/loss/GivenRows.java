package org.tune4j.loss;

import org.tune4j.nn.Divergence;
import org.tune4j.nn.Loss;
import org.tune4j.nn.RowsAtHead;

/** Rows whose log-probabilities are given; remembers the weights of their gradient. */
final class GivenRows implements RowsAtHead {
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
  public double sum(Loss loss) {
    throw new UnsupportedOperationException();
  }

  @Override
  public double sum(Divergence divergence) {
    throw new UnsupportedOperationException();
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
  public double[][] scores() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void backward(double[][] all) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void backward(double[] rows, double[] prompts) {
    weights = rows;
  }

  @Override
  public double[][] labelLogProbabilities(double temperature) {
    throw new UnsupportedOperationException();
  }

  @Override
  public double[][] referenceLabelLogProbabilities(double temperature) {
    throw new UnsupportedOperationException();
  }

  @Override
  public double[][] earlierLogProbabilities() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void backwardLabels(double[][] labels) {
    throw new UnsupportedOperationException();
  }
}

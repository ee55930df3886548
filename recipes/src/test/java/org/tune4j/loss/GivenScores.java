package org.tune4j.loss;

import java.util.Arrays;
import org.tune4j.nn.Divergence;
import org.tune4j.nn.Loss;
import org.tune4j.nn.RowsAtHead;

/** Rows whose scores a test gives. */
final class GivenScores implements RowsAtHead {
  private final double[][] scores;
  private final double[] ratings;

  /** What the objective took the gradient with. */
  double[][] weights = new double[0][];

  GivenScores(double[][] scores, double... ratings) {
    this.scores = scores;
    this.ratings = ratings;
  }

  @Override
  public int size() {
    return scores.length;
  }

  @Override
  public int[] labels(int row) {
    return new int[1];
  }

  @Override
  public double rating(int row) {
    return ratings[row];
  }

  @Override
  public double[][] scores() {
    return Arrays.stream(scores).map(double[]::clone).toArray(double[][]::new);
  }

  @Override
  public void backward(double[][] all) {
    weights = all;
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
    throw new UnsupportedOperationException();
  }

  @Override
  public double[] promptLogProbabilities() {
    throw new UnsupportedOperationException();
  }

  @Override
  public double[] referenceLogProbabilities() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void backward(double[] rows, double[] prompts) {
    throw new UnsupportedOperationException();
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

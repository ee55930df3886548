package org.tune4j.loss;

import java.util.Arrays;

/** Rows whose scores a test gives. */
final class GivenScores extends RowsOfATest {
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
}

package org.tune4j.loss;

import org.tune4j.nn.Divergence;
import org.tune4j.nn.Loss;
import org.tune4j.nn.RowsAtHead;

/** Rows of which an objective may ask only what a test overrides. */
abstract class RowsOfATest implements RowsAtHead {
  private static UnsupportedOperationException unexpected() {
    return new UnsupportedOperationException("the objective asks for what it does not need");
  }

  @Override
  public double sum(Loss loss) {
    throw unexpected();
  }

  @Override
  public double sum(Divergence divergence) {
    throw unexpected();
  }

  @Override
  public double[] logProbabilities() {
    throw unexpected();
  }

  @Override
  public double[] promptLogProbabilities() {
    throw unexpected();
  }

  @Override
  public double[] referenceLogProbabilities() {
    throw unexpected();
  }

  @Override
  public double[][] scores() {
    throw unexpected();
  }

  @Override
  public void backward(double[][] weights) {
    throw unexpected();
  }

  @Override
  public void backward(double[] weights, double[] promptWeights) {
    throw unexpected();
  }

  @Override
  public double[][] labelLogProbabilities(double temperature) {
    throw unexpected();
  }

  @Override
  public double[][] referenceLabelLogProbabilities(double temperature) {
    throw unexpected();
  }

  @Override
  public double[][] earlierLogProbabilities() {
    throw unexpected();
  }

  @Override
  public void backwardLabels(double[][] weights) {
    throw unexpected();
  }
}

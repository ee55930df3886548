package org.tune4j.nn;

import java.util.function.Supplier;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * How evenly the routers of one pass divide a row's tokens among the experts (Fedus et al. 2021, as
 * transformers' {@code load_balancing_loss_func} has it): the number of experts times the sum over
 * them of the share of tokens that chose one and of its mean probability, both over all layers.
 * Each row counts by itself, so that what is computed together changes no result. The shares have
 * no gradient.
 */
public final class LoadBalance {
  private final int[] rows;
  private final double[] weights;
  private final double[] tokens;
  private double[][] shares = {};
  private double[][] probabilities = {};
  private int layers;
  private boolean whole;

  /**
   * Of rows that no router has seen.
   *
   * @param rowEnds where each row ends, ascending; the last is the number of tokens
   * @param weights that the rows' values are multiplied by
   */
  public LoadBalance(int[] rowEnds, double[] weights) {
    this.weights = weights.clone();
    this.tokens = new double[rowEnds.length];
    this.rows = new int[rowEnds[rowEnds.length - 1]];
    for (int row = 0, token = 0; row < rowEnds.length; row++) {
      tokens[row] = rowEnds[row] - token;
      for (; token < rowEnds[row]; token++) {
        rows[token] = row;
      }
    }
  }

  /**
   * Takes one layer's scores and choices, and gives what is to be added to the scores' gradient
   * once all layers are known. After {@link #sum} the layers are known and nothing is counted
   * again.
   */
  Supplier<Tensor> observe(Tensor scores, int[] chosen) {
    int experts = Math.toIntExact(scores.size(1));
    double[] exact = softmax(scores.toDoubles(), experts);
    float[] p = new float[exact.length];
    for (int i = 0; i < p.length; i++) {
      p[i] = (float) exact[i];
    }
    if (!whole) {
      count(exact, chosen, experts);
    }
    Engine engine = scores.engine();
    DType dtype = scores.dtype();
    return () -> gradient(engine, dtype, p, experts);
  }

  private void count(double[] p, int[] chosen, int experts) {
    layers++;
    if (shares.length == 0) {
      shares = new double[tokens.length][experts];
      probabilities = new double[tokens.length][experts];
    }
    for (int i = 0; i < p.length; i++) {
      probabilities[rows[i / experts]][i % experts] += p[i];
    }
    int each = chosen.length / rows.length;
    for (int i = 0; i < chosen.length; i++) {
      shares[rows[i / each]][chosen[i]]++;
    }
  }

  private static double[] softmax(double[] values, int width) {
    for (int at = 0; at < values.length; at += width) {
      double most = Double.NEGATIVE_INFINITY;
      for (int i = at; i < at + width; i++) {
        most = Math.max(most, values[i]);
      }
      double sum = 0;
      for (int i = at; i < at + width; i++) {
        values[i] = Math.exp(values[i] - most);
        sum += values[i];
      }
      for (int i = at; i < at + width; i++) {
        values[i] /= sum;
      }
    }
    return values;
  }

  private Tensor gradient(Engine engine, DType dtype, float[] p, int experts) {
    float[] gradient = new float[p.length];
    for (int token = 0; token < rows.length; token++) {
      int row = rows[token];
      double places = layers * tokens[row];
      double factor = weights[row] * experts / places;
      double mean = 0;
      for (int e = 0; e < experts; e++) {
        mean += shares[row][e] / places * p[token * experts + e];
      }
      for (int e = 0; e < experts; e++) {
        int at = token * experts + e;
        gradient[at] = (float) (factor * p[at] * (shares[row][e] / places - mean));
      }
    }
    return engine.tensor(gradient, dtype, Shape.of(rows.length, experts));
  }

  /** {@return the sum over the rows, weighted; 0 where no layer has a router} */
  public double sum() {
    whole = true;
    double sum = 0;
    for (int row = 0; row < shares.length; row++) {
      double places = layers * tokens[row];
      double own = 0;
      for (int e = 0; e < shares[row].length; e++) {
        own += shares[row][e] * probabilities[row][e];
      }
      sum += weights[row] * shares[row].length * own / (places * places);
    }
    return sum;
  }
}

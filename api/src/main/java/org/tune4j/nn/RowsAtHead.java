package org.tune4j.nn;

/**
 * Rows whose hidden states have reached the head, as an {@link Objective} sees them. Only labelled
 * positions are there. Logits exist for a chunk of labels at a time and are computed anew by each
 * method. Where nothing is recorded for gradients, none are taken.
 */
public interface RowsAtHead {
  /** {@return how many rows there are} */
  int size();

  /**
   * {@return a row's labels, in order; may be empty}
   *
   * @param row from 0
   */
  int[] labels(int row);

  /**
   * {@return how a row's answer is rated: by a data set with 1 where it is chosen or desirable,
   * more by the margin that it was chosen with, and 0 where it is not; a text with a class by the
   * class's number; a sampled answer by its advantage over the others to its prompt; NaN where
   * nothing is said}
   *
   * @param row from 0
   */
  double rating(int row);

  /**
   * Evaluates a loss over all labels and takes the gradient of the sum.
   *
   * @param loss whose {@link Loss#chunkTokens} are used
   * @return the sum
   */
  double sum(Loss loss);

  /**
   * Evaluates a function of the logits and the reference's over all labels and takes the gradient
   * of the sum.
   *
   * @param divergence of {@link Objective#chunkTokens} positions at a time
   * @return the sum
   * @throws IllegalStateException when the objective does not say that it {@linkplain
   *     Objective#needsReference needs} the reference
   */
  double sum(Divergence divergence);

  /**
   * {@return the sum of the log-probabilities of each row's labels, in nats, {@code [rows]}; no
   * gradient is taken}
   */
  double[] logProbabilities();

  /**
   * {@return the same of the model without its adapters}
   *
   * @throws IllegalStateException when the objective does not say that it {@linkplain
   *     Objective#needsReference needs} them
   */
  double[] referenceLogProbabilities();

  /**
   * {@return the sum of the log-probabilities of each row's tokens that have no label, but for its
   * first token, {@code [rows]}; 0 for rows whose prompt the objective does not {@linkplain
   * Objective#needsPrompt need}; no gradient is taken}
   */
  double[] promptLogProbabilities();

  /**
   * {@return the logits at each row's only label, {@code [rows, labels]}; no gradient is taken}
   *
   * @throws IllegalStateException when the objective does not say that it {@linkplain
   *     Objective#scoresRows scores rows}
   */
  double[][] scores();

  /**
   * Takes the gradient of the weighted sum of {@link #scores}.
   *
   * @param weights one a score, {@code [rows, labels]}
   */
  void backward(double[][] weights);

  /**
   * Takes the gradient of the weighted sum of {@link #logProbabilities}.
   *
   * @param weights one a row, {@code [rows]}
   */
  default void backward(double[] weights) {
    backward(weights, new double[weights.length]);
  }

  /**
   * Takes the gradient of the weighted sum of {@link #logProbabilities} and {@link
   * #promptLogProbabilities}.
   *
   * @param weights of the former, {@code [rows]}
   * @param promptWeights of the latter, {@code [rows]}
   */
  void backward(double[] weights, double[] promptWeights);

  /**
   * {@return the log-probability of each row's labels, in nats, {@code [rows][labels]}; no gradient
   * is taken}
   *
   * @param temperature that the logits are divided by, above 0
   */
  double[][] labelLogProbabilities(double temperature);

  /**
   * {@return the same of the model without its adapters}
   *
   * @param temperature that the logits are divided by, above 0
   * @throws IllegalStateException when the objective does not say that it {@linkplain
   *     Objective#needsReference needs} them
   */
  double[][] referenceLabelLogProbabilities(double temperature);

  /**
   * {@return what {@link #labelLogProbabilities} gave before the first of several updates with the
   * same sampled answers, {@code [rows][labels]}; empty where there is one update}
   */
  double[][] earlierLogProbabilities();

  /**
   * Takes the gradient of the weighted sum of the last {@link #labelLogProbabilities}.
   *
   * @param weights one a label, {@code [rows][labels]}
   */
  void backwardLabels(double[][] weights);
}

package org.tune4j.models;

/**
 * What is known of rows besides their tokens.
 *
 * @param ratings as {@link org.tune4j.nn.RowsAtHead#rating} has them, {@code [rows]}; empty where
 *     nothing is said
 * @param reference the sums of the rows' log-probabilities by the model that they are compared
 *     with, {@code [rows]}; empty where they are to be computed
 * @param earlier the log-probabilities of all rows' labels before the first of several updates,
 *     {@code [labels]}; empty where there is one
 */
@SuppressWarnings("ArrayRecordComponent") // compared by no one, and copies would cost
public record RowFacts(double[] ratings, double[] reference, double[] earlier) {
  /** Nothing. */
  public static final RowFacts NONE = new RowFacts(new double[0], new double[0]);

  /**
   * Of rows that are trained on once.
   *
   * @param ratings of the rows; empty where nothing is said
   * @param reference the reference's log-probabilities; empty where they are to be computed
   */
  public RowFacts(double[] ratings, double[] reference) {
    this(ratings, reference, new double[0]);
  }

  /** A row's rating; NaN for none. */
  double rating(int row) {
    return ratings.length == 0 ? Double.NaN : ratings[row];
  }
}

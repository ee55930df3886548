package org.tune4j.models;

/**
 * What is known of rows besides their tokens.
 *
 * @param ratings as {@link org.tune4j.nn.RowsAtHead#rating} has them, {@code [rows]}; empty where
 *     nothing is said
 * @param reference the sums of the rows' log-probabilities by the model that they are compared
 *     with, {@code [rows]}; empty where they are to be computed
 */
@SuppressWarnings("ArrayRecordComponent") // compared by no one, and copies would cost
public record RowFacts(double[] ratings, double[] reference) {
  /** Nothing. */
  public static final RowFacts NONE = new RowFacts(new double[0], new double[0]);

  /** A row's rating; NaN for none. */
  double rating(int row) {
    return ratings.length == 0 ? Double.NaN : ratings[row];
  }
}

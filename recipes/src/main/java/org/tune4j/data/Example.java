package org.tune4j.data;

import java.util.Arrays;
import org.tune4j.models.RowFacts;

/**
 * What the model sees at once: a row, or a pack of rows laid end to end.
 *
 * @param tokens ids
 * @param labels one a token: the id that follows, or -100 where it is not trained on
 * @param rowEnds where its rows end, ascending, the last {@code tokens.length}; a row does not see
 *     the others
 * @param facts what is known of its rows besides
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
public record Example(int[] tokens, int[] labels, int[] rowEnds, RowFacts facts) {
  /** The label of what is not trained on. */
  public static final int IGNORED = -100;

  /**
   * Rows of which nothing is known besides.
   *
   * @param tokens ids
   * @param labels one a token
   * @param rowEnds where its rows end
   */
  public Example(int[] tokens, int[] labels, int[] rowEnds) {
    this(tokens, labels, rowEnds, RowFacts.NONE);
  }

  /**
   * {@return one row whose answer is rated}
   *
   * @param tokens ids
   * @param labels one a token
   * @param rating as {@link org.tune4j.nn.RowsAtHead#rating} has it
   */
  public static Example rated(int[] tokens, int[] labels, double rating) {
    double[] ratings = Double.isNaN(rating) ? new double[0] : new double[] {rating};
    return new Example(
        tokens, labels, new int[] {tokens.length}, new RowFacts(ratings, new double[0]));
  }

  /** {@return how many tokens are trained on} */
  public long labelCount() {
    return Arrays.stream(labels).filter(l -> l != IGNORED).count();
  }
}

package org.tune4j.data;

import java.util.Arrays;

/**
 * What the model sees at once: a row, or a pack of rows laid end to end.
 *
 * @param tokens ids
 * @param labels one a token: the id that follows, or -100 where it is not trained on
 * @param rowEnds where its rows end, ascending, the last {@code tokens.length}; a row does not see
 *     the others
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
public record Example(int[] tokens, int[] labels, int[] rowEnds) {
  /** The label of what is not trained on. */
  public static final int IGNORED = -100;

  /** {@return how many tokens are trained on} */
  public long labelCount() {
    return Arrays.stream(labels).filter(l -> l != IGNORED).count();
  }
}

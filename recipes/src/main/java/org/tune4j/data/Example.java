package org.tune4j.data;

import org.tune4j.tokenizers.TokenizedConversation;

/**
 * One row as the model sees it.
 *
 * @param tokens ids
 * @param labels one a token: the id that follows, or -100 where it is not trained on
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
public record Example(int[] tokens, int[] labels) {
  /** The label of what is not trained on. */
  public static final int IGNORED = -100;

  /** Labels are the tokens moved by one, the last is ignored; longer rows are cut. */
  static Example of(TokenizedConversation c, int maxSeqLen) {
    int n = Math.min(maxSeqLen, c.tokens().length);
    int[] tokens = java.util.Arrays.copyOf(c.tokens(), n);
    int[] labels = new int[n];
    for (int i = 0; i < n; i++) {
      labels[i] = i + 1 < n && !c.masked()[i + 1] ? tokens[i + 1] : IGNORED;
    }
    return new Example(tokens, labels);
  }

  /** How many tokens are trained on. */
  public long labelCount() {
    return java.util.Arrays.stream(labels).filter(l -> l != IGNORED).count();
  }
}

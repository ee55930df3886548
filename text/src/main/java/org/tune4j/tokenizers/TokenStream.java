package org.tune4j.tokenizers;

import java.util.Arrays;

/**
 * The text of ids that come one by one: a character whose bytes are spread over several tokens
 * appears with the last of them. Not for several threads.
 */
public final class TokenStream {
  /** Tokens of one character at the most; then broken bytes are shown as such. */
  private static final int MAX_PENDING = 8;

  private final Tokenizer tokenizer;

  /** What is decoded again: the token before, for the blanks between, and what is not shown yet. */
  private int[] ids = new int[0];

  private int shown;

  TokenStream(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * {@return the text that this id completes; empty in the middle of a character}
   *
   * @param id the next one
   * @throws org.tune4j.InputException when it is outside the vocabulary
   */
  public String next(int id) {
    ids = Arrays.copyOf(ids, ids.length + 1);
    ids[ids.length - 1] = id;
    String before = tokenizer.decode(Arrays.copyOf(ids, shown));
    String after = tokenizer.decode(ids);
    boolean whole = !after.endsWith("\uFFFD") || ids.length - shown >= MAX_PENDING;
    if (!whole || after.length() <= before.length()) {
      return "";
    }
    ids = Arrays.copyOfRange(ids, shown, ids.length);
    shown = ids.length;
    return after.substring(before.length());
  }
}

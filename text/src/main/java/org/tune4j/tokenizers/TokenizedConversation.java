package org.tune4j.tokenizers;

import java.util.Set;

/**
 * A rendered conversation.
 *
 * @param tokens ids of the whole rendered text
 * @param masked one a token: whether it is left out of the loss
 * @param cut whether the tokenizer has left tokens out, for its {@code max_seq_len}
 * @param notes what the user should know about it, each to be read behind "the row has": such as a
 *     text that the chat template leaves out
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
public record TokenizedConversation(
    int[] tokens, boolean[] masked, boolean cut, Set<String> notes) {
  private static final int LONGEST = 60;

  /**
   * One without notes.
   *
   * @param tokens ids of the whole rendered text
   * @param masked as many: whether a token is left out of the loss
   * @param cut whether the tokenizer has left tokens out
   */
  public TokenizedConversation(int[] tokens, boolean[] masked, boolean cut) {
    this(tokens, masked, cut, Set.of());
  }

  /** The note on a turn's key; the key cannot steer the terminal on which it is shown. */
  static String unread(String key) {
    String plain = key.replaceAll("\\p{Cntrl}", "?");
    return "key '%s' of a turn, which nothing reads"
        .formatted(plain.length() <= LONGEST ? plain : plain.substring(0, LONGEST) + "...");
  }

  /** The same with these notes. */
  TokenizedConversation noting(Set<String> notes) {
    return new TokenizedConversation(tokens, masked, cut, notes);
  }

  /**
   * A whole one, not cut.
   *
   * @param tokens ids of the whole rendered text
   * @param masked as many: whether a token is left out of the loss
   */
  public TokenizedConversation(int[] tokens, boolean[] masked) {
    this(tokens, masked, false);
  }
}

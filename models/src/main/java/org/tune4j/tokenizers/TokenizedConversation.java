package org.tune4j.tokenizers;

/**
 * A rendered conversation.
 *
 * @param tokens ids of the whole rendered text
 * @param masked one a token: whether it is left out of the loss
 * @param cut whether the tokenizer has left tokens out, for its {@code max_seq_len}
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
public record TokenizedConversation(int[] tokens, boolean[] masked, boolean cut) {
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

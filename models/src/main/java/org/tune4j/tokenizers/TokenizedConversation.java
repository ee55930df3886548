package org.tune4j.tokenizers;

/**
 * A rendered conversation.
 *
 * @param tokens ids of the whole rendered text
 * @param masked one a token: whether it is left out of the loss
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
public record TokenizedConversation(int[] tokens, boolean[] masked) {}

package org.tune4j.tokenizers;

/**
 * One turn of a conversation.
 *
 * @param role {@code system}, {@code user} or {@code assistant}
 * @param masked whether its text is left out of the loss
 */
public record Message(String role, String content, boolean masked) {}

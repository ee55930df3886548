package org.tune4j.tokenizers;

/**
 * One turn of a conversation.
 *
 * @param role {@code system}, {@code user}, {@code assistant} or {@code tool}
 * @param content its text, without words or tokens around it; may be empty
 * @param masked whether its text is left out of the loss
 */
public record Message(String role, String content, boolean masked) {}

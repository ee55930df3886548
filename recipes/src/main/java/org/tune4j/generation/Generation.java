package org.tune4j.generation;

/**
 * What followed a prompt.
 *
 * @param text without the ending token or stop string
 * @param promptTokens how many tokens the prompt has
 * @param newTokens how many were generated, the ending one included
 * @param reason why it ended
 */
public record Generation(String text, int promptTokens, int newTokens, FinishReason reason) {}

package org.tune4j.tokenizers;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Turns, and what a chat template sees beside them.
 *
 * @param messages in their order
 * @param tools the tools that the assistant may call, as the chat template expects them: a list of
 *     JSON schemas; null where there are none
 */
public record Conversation(List<Message> messages, @Nullable Object tools) {
  public Conversation {
    messages = List.copyOf(messages);
  }

  /**
   * One without tools.
   *
   * @param messages in their order
   */
  public Conversation(List<Message> messages) {
    this(messages, null);
  }

  /** Whether there are tools to call. */
  boolean hasTools() {
    return tools != null && !tools.equals(List.of());
  }

  /** The same with another message in a place. */
  Conversation with(int index, Message message) {
    List<Message> changed = new ArrayList<>(messages);
    changed.set(index, message);
    return new Conversation(changed, tools);
  }

  /** Its first messages. */
  Conversation first(int count) {
    return new Conversation(messages.subList(0, count), tools);
  }
}

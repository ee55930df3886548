package org.tune4j.tokenizers;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One turn of a conversation.
 *
 * @param fields what a chat template sees of it: {@code role}, {@code content} and whatever else
 *     there is, such as {@code tool_calls} or {@code name}; texts, numbers, booleans, lists and
 *     maps of these, or null
 * @param masked whether it is left out of the loss
 */
public record Message(Map<String, @Nullable Object> fields, boolean masked) {
  public Message {
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }

  /**
   * A turn that is a text alone.
   *
   * @param role {@code system}, {@code user}, {@code assistant} or {@code tool}
   * @param content its text, without words or tokens around it; may be empty
   * @param masked whether its text is left out of the loss
   */
  public Message(String role, String content, boolean masked) {
    this(inOrder(role, content), masked);
  }

  private static Map<String, @Nullable Object> inOrder(String role, String content) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("role", role);
    fields.put("content", content);
    return fields;
  }

  /** {@return {@code role}; empty where there is none} */
  public String role() {
    return text("role");
  }

  /** {@return {@code content}; empty where it is no text} */
  public String content() {
    return text("content");
  }

  /** Whether it calls tools. */
  boolean callsTools() {
    Object calls = fields.get("tool_calls");
    return calls != null && !calls.equals(List.of());
  }

  private String text(String field) {
    return fields.get(field) instanceof String text ? text : "";
  }

  /** The same with another value in a field. */
  Message with(String field, Object value) {
    Map<String, @Nullable Object> changed = new LinkedHashMap<>(fields);
    changed.put(field, value);
    return new Message(changed, masked);
  }
}

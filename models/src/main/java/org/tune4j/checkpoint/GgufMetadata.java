package org.tune4j.checkpoint;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tune4j.InputException;

/**
 * What a GGUF file says of its model.
 *
 * @param file that says it
 * @param values texts, numbers (Long, Float, Double), Boolean, and lists of these
 */
record GgufMetadata(Path file, Map<String, Object> values) {
  boolean has(String key) {
    return values.containsKey(key);
  }

  String text(String key) {
    return optionalText(key).orElseThrow(() -> wrong(key, "a text"));
  }

  Optional<String> optionalText(String key) {
    return optional(key, String.class, "a text");
  }

  long whole(String key) {
    return optional(key, Long.class, "a whole number")
        .orElseThrow(() -> wrong(key, "a whole number"));
  }

  long whole(String key, long absent) {
    return optional(key, Long.class, "a whole number").orElse(absent);
  }

  /** Absent where neither. */
  Optional<Long> optionalWhole(String key) {
    return optional(key, Long.class, "a whole number");
  }

  /** A number as it was before it was rounded to fp32. */
  Optional<Double> decimal(String key) {
    return optional(key, Number.class, "a number")
        .map(n -> n instanceof Float ? Double.parseDouble(n.toString()) : n.doubleValue());
  }

  boolean flag(String key, boolean absent) {
    return optional(key, Boolean.class, "true or false").orElse(absent);
  }

  List<String> texts(String key) {
    return list(key, String.class, "a list of texts");
  }

  <T> List<T> list(String key, Class<T> type, String expected) {
    List<?> list = optional(key, List.class, expected).orElseThrow(() -> wrong(key, expected));
    for (Object value : list) {
      if (!type.isInstance(value)) {
        throw wrong(key, expected);
      }
    }
    return list.stream().map(type::cast).toList();
  }

  private <T> Optional<T> optional(String key, Class<T> type, String expected) {
    Object value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (!type.isInstance(value)) {
      throw wrong(key, expected);
    }
    return Optional.of(type.cast(value));
  }

  InputException wrong(String key, String expected) {
    Object value = values.get(key);
    String found =
        value == null ? "missing" : value instanceof List<?> ? "a list" : Texts.quoted(value + "");
    return new InputException(
        "%s: its metadata's %s is %s, expected %s".formatted(file, key, found, expected));
  }
}

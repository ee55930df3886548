package org.tune4j.config;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Values that are no components: numbers, switches, texts, paths and enums. */
final class PlainValue {
  private PlainValue() {}

  /** Whether a single text says a value of this type. */
  static boolean isPlain(Class<?> c) {
    return c.isPrimitive()
        || c.isEnum()
        || Set.of(String.class, Path.class, Integer.class, Long.class, Double.class, Boolean.class)
            .contains(c);
  }

  /** The value; null where the text says none of this type. */
  static @Nullable Object of(Class<?> c, Node.Scalar s) {
    String text = s.text();
    try {
      if (c == String.class) {
        return text;
      }
      if (c == Path.class && text.isEmpty()) {
        return null;
      }
      if (c == Path.class) {
        return path(text);
      }
      if (c.isEnum()) {
        String meant =
            Arrays.stream(c.getFields())
                .filter(f -> Suggestions.isCalled(f, text))
                .findFirst()
                .map(f -> f.getName().toLowerCase(Locale.ROOT))
                .orElse(text);
        return Arrays.stream(c.getEnumConstants())
            .filter(v -> name(v).equals(meant))
            .findFirst()
            .orElse(null);
      }
      if (s.quoted()) {
        return null;
      }
      if (c == int.class || c == Integer.class) {
        return Integer.valueOf(text.replace("_", ""));
      }
      if (c == long.class || c == Long.class) {
        return Long.valueOf(text.replace("_", ""));
      }
      if (c == double.class || c == Double.class) {
        return Double.isFinite(Double.parseDouble(text)) ? Double.valueOf(text) : null;
      }
      return switch (text) {
        case "true", "True" -> true;
        case "false", "False" -> false;
        default -> null;
      };
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  /** A path as a config has it, which may begin in the home folder. */
  static Path path(String text) {
    return Path.of(
        text.startsWith("~/") ? System.getProperty("user.home") + text.substring(1) : text);
  }

  /** An enum's value as a config has it. */
  static String name(Object enumConstant) {
    return ((Enum<?>) enumConstant).name().toLowerCase(Locale.ROOT);
  }

  /** Texts, lists of these and maps to these. */
  static Object anything(Node value) {
    if (value instanceof Node.Scalar s) {
      return s.text();
    }
    if (value instanceof Node.Sequence s) {
      return s.items().stream().map(PlainValue::anything).toList();
    }
    Map<String, Object> map = new LinkedHashMap<>();
    ((Node.Section) value).entries().forEach((k, v) -> map.put(k, anything(v)));
    return map;
  }
}

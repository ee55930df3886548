package org.tune4j.config;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** Words for what a key takes. */
final class ExpectedValue {
  private ExpectedValue() {}

  /** What a value of this type is, in words. */
  static String of(Type type, ComponentRegistry registry) {
    if (type instanceof ParameterizedType p) {
      return p.getRawType() == List.class
          ? "a list, each " + of(p.getActualTypeArguments()[0], registry)
          : "a map";
    }
    Class<?> c = (Class<?>) type;
    if (c.isEnum()) {
      return "one of "
          + Arrays.stream(c.getEnumConstants())
              .map(PlainValue::name)
              .collect(Collectors.joining(", "));
    }
    if (c == int.class || c == Integer.class || c == long.class || c == Long.class) {
      return "an integer";
    }
    if (c == double.class || c == Double.class) {
      return "a number";
    }
    if (c == boolean.class || c == Boolean.class) {
      return "true or false";
    }
    if (c == Path.class) {
      return "a path";
    }
    if (c == String.class) {
      return "a string";
    }
    return "a section with _component_: " + String.join(" or ", registry.names(c));
  }
}

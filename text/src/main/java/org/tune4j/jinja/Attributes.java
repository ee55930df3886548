package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code value.name}, {@code value[key]} and {@code value[from:to:step]}. */
final class Attributes {
  private Attributes() {}

  /** A method, else an item of this name. */
  static Object attribute(Object value, String name) {
    Object own = own(value, name);
    if (own == null && value instanceof Map<?, ?> map) {
      own = map.get(name);
    }
    return own != null ? own : missing(value, name);
  }

  /** An item, else a method of this name. */
  static Object item(Object value, Object key) {
    if (value instanceof Map<?, ?> map) {
      Object item = map.get(Values.key(key));
      if (item != null) {
        return item;
      }
    }
    if (key instanceof Long n && (value instanceof List || value instanceof String)) {
      long length = Values.length(value);
      long i = n < 0 ? n + length : n;
      if (i < 0 || i >= length) {
        return missing(value, key);
      }
      return value instanceof String s
          ? Character.toString(s.codePointAt(s.offsetByCodePoints(0, (int) i)))
          : ((List<?>) value).get((int) i);
    }
    Object own = key instanceof String name ? own(value, name) : null;
    return own != null ? own : missing(value, key);
  }

  private static Object missing(Object value, Object name) {
    if (value instanceof Undefined u) {
      throw new TemplateException(u.what());
    }
    return Undefined.attribute(value, name);
  }

  private static @Nullable Object own(Object value, String name) {
    if (value instanceof String s) {
      return StringMethods.of(s, name);
    }
    if (value instanceof Map<?, ?> map) {
      return mapMethod(map, name);
    }
    if (value instanceof List<?> list) {
      return listMethod(list, name);
    }
    if (value instanceof Namespace n) {
      return n.attributes().get(name);
    }
    if (value instanceof ForLoop.Turn turn) {
      return turn.attribute(name);
    }
    return value instanceof Macro m && name.equals("name") ? m.name() : null;
  }

  private static @Nullable Callable mapMethod(Map<?, ?> map, String name) {
    return switch (name) {
      case "get" ->
          (a, named) -> {
            Object item = map.get(Values.key(a.get(0)));
            return item != null ? item : a.size() > 1 ? a.get(1) : None.NONE;
          };
      case "items" -> (a, named) -> pairs(map);
      case "keys" -> (a, named) -> new ArrayList<Object>(map.keySet());
      case "values" -> (a, named) -> new ArrayList<Object>(map.values());
      case "copy" -> (a, named) -> new java.util.LinkedHashMap<Object, Object>(map);
      case "pop", "update", "clear", "popitem", "setdefault" -> unsafe(name);
      default -> null;
    };
  }

  private static @Nullable Callable listMethod(List<?> list, String name) {
    return switch (name) {
      case "index" ->
          (a, named) -> {
            Limits.Comparison limit = new Limits.Comparison();
            for (int i = 0; i < list.size(); i++) {
              if (Values.equal(list.get(i), a.get(0), limit)) {
                return (long) i;
              }
            }
            throw new TemplateException(Values.repr(a.get(0)) + " is not in list");
          };
      case "count" ->
          (a, named) -> {
            Limits.Comparison limit = new Limits.Comparison();
            return list.stream().filter(i -> Values.equal(i, a.get(0), limit)).count();
          };
      case "copy" -> (a, named) -> new ArrayList<Object>(list);
      case "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse" ->
          unsafe(name);
      default -> null;
    };
  }

  /** What jinja2's immutable sandbox refuses too. */
  private static Callable unsafe(String name) {
    return (a, named) -> {
      throw new TemplateException("'" + name + "' would change a value, which templates may not");
    };
  }

  static List<Object> pairs(Map<?, ?> map) {
    List<Object> pairs = new ArrayList<>();
    map.forEach((k, v) -> pairs.add(List.of(k, v)));
    return pairs;
  }

  static Object slice(Object value, Object from, Object to, Object step) {
    if (!(value instanceof String) && !(value instanceof List)) {
      throw Values.used(value, "sliced");
    }
    long by = step instanceof None ? 1 : Values.integer(step);
    if (by == 0) {
      throw new TemplateException("a slice's step is 0");
    }
    int n = (int) Values.length(value);
    long start = bound(from, by > 0 ? 0 : n - 1, by, n);
    long end = bound(to, by > 0 ? n : -1, by, n);
    if (value instanceof String s && by == 1) {
      int first = s.offsetByCodePoints(0, (int) start);
      return s.substring(first, s.offsetByCodePoints(first, (int) Math.max(0, end - start)));
    }
    List<Object> items = Values.items(value);
    List<Object> out = new ArrayList<>();
    for (long i = start; by > 0 ? i < end : i > end; i += by) {
      out.add(items.get((int) i));
    }
    return value instanceof String ? String.join("", out.stream().map(Values::text).toList()) : out;
  }

  private static long bound(Object given, long fallback, long by, int n) {
    if (given instanceof None) {
      return fallback;
    }
    long i = Values.integer(given);
    i = i < 0 ? i + n : i;
    return by > 0 ? Math.max(0, Math.min(n, i)) : Math.max(-1, Math.min(n - 1, i));
  }
}

package org.tune4j.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What Python does with its values. They are {@link None}, {@link Undefined}, {@code Boolean},
 * {@code Long}, {@code Double}, {@code String}, {@code List} and {@code Map} of these, {@link
 * Namespace}, {@link Callable} and {@link Macro}.
 */
final class Values {
  private Values() {}

  /** A Java value as one of these. */
  static Object of(@Nullable Object value) {
    if (value == null) {
      return None.NONE;
    }
    if (value instanceof Integer i) {
      return (long) i;
    }
    if (value instanceof BigInteger n) {
      return n.doubleValue();
    }
    if (value instanceof List<?> list) {
      List<Object> out = new ArrayList<>(list.size());
      list.forEach(v -> out.add(of(v)));
      return out;
    }
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> out = new LinkedHashMap<>();
      map.forEach((k, v) -> out.put(of(k), of(v)));
      return out;
    }
    return value;
  }

  static String typeName(Object value) {
    if (value instanceof Undefined) {
      return "undefined";
    }
    if (value instanceof None) {
      return "None";
    }
    if (value instanceof Boolean) {
      return "bool";
    }
    if (value instanceof Long) {
      return "int";
    }
    if (value instanceof Double) {
      return "float";
    }
    if (value instanceof String) {
      return "str";
    }
    if (value instanceof List) {
      return "list";
    }
    return value instanceof Map ? "dict" : value instanceof Namespace ? "namespace" : "function";
  }

  static boolean truth(Object value) {
    if (value instanceof Boolean b) {
      return b;
    }
    if (value instanceof Long n) {
      return n != 0;
    }
    if (value instanceof Double d) {
      return d != 0;
    }
    if (value instanceof String s) {
      return !s.isEmpty();
    }
    if (value instanceof List<?> list) {
      return !list.isEmpty();
    }
    if (value instanceof Map<?, ?> map) {
      return !map.isEmpty();
    }
    return !(value instanceof None) && !(value instanceof Undefined);
  }

  /** {@code str(value)}: what is printed. */
  static String text(Object value) {
    if (value instanceof String s) {
      return s;
    }
    return value instanceof Undefined ? "" : repr(value);
  }

  /** {@code repr(value)}: how a value is printed inside a list. */
  static String repr(Object value) {
    StringBuilder out = new StringBuilder();
    repr(value, out);
    return out.toString();
  }

  private static void repr(Object value, StringBuilder out) {
    if (value instanceof List<?> list) {
      String between = "[";
      for (Object item : list) {
        out.append(between);
        repr(item, out);
        between = ", ";
      }
      out.append(list.isEmpty() ? "[]" : "]");
    } else if (value instanceof Map<?, ?> map) {
      String between = "{";
      for (Map.Entry<?, ?> e : map.entrySet()) {
        out.append(between);
        repr(e.getKey(), out);
        out.append(": ");
        repr(e.getValue(), out);
        between = ", ";
      }
      out.append(map.isEmpty() ? "{}" : "}");
    } else {
      out.append(plainRepr(value));
    }
    Limits.requireSize(out.length());
  }

  private static String plainRepr(Object value) {
    if (value instanceof String s) {
      return quoted(s);
    }
    if (value instanceof Boolean b) {
      return b ? "True" : "False";
    }
    if (value instanceof Double d) {
      return floatText(d);
    }
    if (value instanceof None) {
      return "None";
    }
    return value instanceof Long ? value.toString() : "<" + typeName(value) + ">";
  }

  private static String quoted(String s) {
    char quote = s.indexOf('\'') >= 0 && s.indexOf('"') < 0 ? '"' : '\'';
    StringBuilder out = new StringBuilder().append(quote);
    s.codePoints()
        .forEach(
            c -> {
              int named = "\n\r\t\\".indexOf(c);
              if (named >= 0) {
                out.append('\\').append("nrt\\".charAt(named));
              } else if (c == quote) {
                out.append('\\').append(quote);
              } else if (c < 0x20 || c == 0x7f) {
                out.append("\\x%02x".formatted(c));
              } else {
                out.appendCodePoint(c);
              }
            });
    return out.append(quote).toString();
  }

  /** A float as Python writes it: the shortest digits that read back the same. */
  static String floatText(double d) {
    if (Double.isNaN(d) || Double.isInfinite(d)) {
      return Double.isNaN(d) ? "nan" : d > 0 ? "inf" : "-inf";
    }
    double size = Math.abs(d);
    if (size != 0 && (size >= 1e16 || size < 1e-4)) {
      String[] parts = Double.toString(d).split("E");
      int exponent = Integer.parseInt(parts[1]);
      String digits =
          parts[0].endsWith(".0") ? parts[0].substring(0, parts[0].length() - 2) : parts[0];
      return "%se%s%02d".formatted(digits, exponent < 0 ? "-" : "+", Math.abs(exponent));
    }
    String plain = new BigDecimal(Double.toString(d)).toPlainString();
    return plain.contains(".") ? plain : plain + ".0";
  }

  /** What a loop goes over: the items of a list, keys of a map, characters of a text. */
  static List<Object> items(Object value) {
    if (value instanceof List<?> list) {
      return new ArrayList<>(list);
    }
    if (value instanceof Map<?, ?> map) {
      return new ArrayList<>(map.keySet());
    }
    if (value instanceof String s) {
      Limits.requireTakenApart(s.length());
      return s.codePoints().<Object>mapToObj(Character::toString).collect(Collectors.toList());
    }
    if (value instanceof Undefined) {
      return new ArrayList<>();
    }
    throw new TemplateException("'%s' object is not iterable".formatted(typeName(value)));
  }

  static long length(Object value) {
    if (value instanceof String s) {
      return s.codePointCount(0, s.length());
    }
    if (value instanceof Long
        || value instanceof Double
        || value instanceof Boolean
        || value instanceof None) {
      throw new TemplateException("object of type '%s' has no length".formatted(typeName(value)));
    }
    return value instanceof List<?> list ? list.size() : items(value).size();
  }

  /** What may be a dict's key. */
  static Object key(Object value) {
    if (value instanceof List || value instanceof Map) {
      throw new TemplateException("unhashable type: '%s'".formatted(typeName(value)));
    }
    return value;
  }

  static boolean isNumber(Object value) {
    return value instanceof Long || value instanceof Double || value instanceof Boolean;
  }

  static double number(Object value) {
    if (value instanceof Boolean b) {
      return b ? 1 : 0;
    }
    if (value instanceof Long n) {
      return (double) n;
    }
    if (value instanceof Double d) {
      return d;
    }
    throw used(value, "used as a number");
  }

  static long integer(Object value) {
    if (value instanceof Boolean b) {
      return b ? 1 : 0;
    }
    if (value instanceof Long n) {
      return n;
    }
    throw used(value, "used as an integer");
  }

  static String string(Object value) {
    if (value instanceof String s) {
      return s;
    }
    throw used(value, "used as a string");
  }

  static TemplateException used(Object value, String how) {
    return new TemplateException(
        value instanceof Undefined u
            ? u.what()
            : "a value of type '%s' cannot be %s".formatted(typeName(value), how));
  }

  static boolean equal(Object a, Object b) {
    return equal(a, b, new Limits.Comparison());
  }

  static boolean equal(Object a, Object b, Limits.Comparison limit) {
    limit.next(a, b);
    if (isNumber(a) && isNumber(b)) {
      return number(a) == number(b);
    }
    if (a instanceof List<?> x && b instanceof List<?> y) {
      if (x.size() != y.size()) {
        return false;
      }
      for (int i = 0; i < x.size(); i++) {
        if (!equal(x.get(i), y.get(i), limit)) {
          return false;
        }
      }
      return true;
    }
    if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
      return x.size() == y.size()
          && x.entrySet().stream()
              .allMatch(
                  e -> {
                    Object other = y.get(e.getKey());
                    return other != null && equal(e.getValue(), other, limit);
                  });
    }
    return a.equals(b) || (a instanceof Undefined && b instanceof Undefined);
  }

  /** Below 0, 0 or above, as Python orders numbers, texts and lists. */
  static int order(Object a, Object b) {
    return order(a, b, new Limits.Comparison());
  }

  static int order(Object a, Object b, Limits.Comparison limit) {
    limit.next(a, b);
    if (isNumber(a) && isNumber(b)) {
      return Double.compare(number(a), number(b));
    }
    if (a instanceof String x && b instanceof String y) {
      return x.compareTo(y);
    }
    if (a instanceof List<?> x && b instanceof List<?> y) {
      for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
        int c = order(x.get(i), y.get(i), limit);
        if (c != 0) {
          return c;
        }
      }
      return Integer.compare(x.size(), y.size());
    }
    if (a instanceof Undefined) {
      throw used(a, "compared");
    }
    throw b instanceof Undefined
        ? used(b, "compared")
        : new TemplateException(
            "'%s' and '%s' cannot be compared".formatted(typeName(a), typeName(b)));
  }
}

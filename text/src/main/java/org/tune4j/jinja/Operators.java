package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Python's operators. */
final class Operators {
  private Operators() {}

  static boolean compare(String operator, Object a, Object b) {
    return switch (operator) {
      case "==" -> Values.equal(a, b);
      case "!=" -> !Values.equal(a, b);
      case "<" -> Values.order(a, b) < 0;
      case "<=" -> Values.order(a, b) <= 0;
      case ">" -> Values.order(a, b) > 0;
      case ">=" -> Values.order(a, b) >= 0;
      case "in" -> contains(b, a);
      default -> !contains(b, a);
    };
  }

  static boolean contains(Object all, Object one) {
    if (all instanceof String s) {
      return StringMethods.indexOf(s, Values.string(one), 0) >= 0;
    }
    if (all instanceof Map<?, ?> map) {
      return map.containsKey(Values.key(one));
    }
    Limits.Comparison limit = new Limits.Comparison();
    return Values.items(all).stream().anyMatch(item -> Values.equal(item, one, limit));
  }

  static Object apply(String operator, Object a, Object b) {
    return switch (operator) {
      case "~" -> joined(Values.text(a), Values.text(b));
      case "+" -> plus(a, b);
      case "*" -> times(a, b);
      case "/" -> Values.number(a) / divisor(b);
      default -> arithmetic(operator, a, b);
    };
  }

  private static Object plus(Object a, Object b) {
    if (a instanceof String x && b instanceof String y) {
      return joined(x, y);
    }
    if (a instanceof List<?> x && b instanceof List<?> y) {
      Limits.requireSize(x.size() + (double) y.size());
      List<Object> both = new ArrayList<>(x);
      both.addAll(y);
      return both;
    }
    return arithmetic("+", a, b);
  }

  private static String joined(String a, String b) {
    Limits.requireSize(a.length() + (double) b.length());
    return a + b;
  }

  private static Object times(Object a, Object b) {
    Object many = a instanceof Long ? b : a;
    if (many instanceof String || many instanceof List) {
      int n =
          (int) Math.max(0, Math.min(Integer.MAX_VALUE, Values.integer(a instanceof Long ? a : b)));
      Limits.requireSize(n * (double) Values.length(many));
      if (many instanceof String s) {
        return s.repeat(n);
      }
      List<Object> out = new ArrayList<>();
      for (int i = 0; i < n; i++) {
        out.addAll(Values.items(many));
      }
      return out;
    }
    return arithmetic("*", a, b);
  }

  private static Object arithmetic(String operator, Object a, Object b) {
    if (!Values.isNumber(a) || !Values.isNumber(b)) {
      for (Object o : List.of(a, b)) {
        if (o instanceof Undefined u) {
          throw new TemplateException(u.what());
        }
      }
      throw new TemplateException(
          "'%s' cannot be used between '%s' and '%s'"
              .formatted(operator, Values.typeName(a), Values.typeName(b)));
    }
    if (a instanceof Double || b instanceof Double) {
      double x = Values.number(a);
      double y = Values.number(b);
      return switch (operator) {
        case "+" -> x + y;
        case "-" -> x - y;
        case "*" -> x * y;
        case "//" -> Math.floor(x / divisor(b));
        case "%" -> x - y * Math.floor(x / divisor(b));
        default -> Math.pow(x, y);
      };
    }
    long x = Values.integer(a);
    long y = Values.integer(b);
    try {
      return switch (operator) {
        case "+" -> Math.addExact(x, y);
        case "-" -> Math.subtractExact(x, y);
        case "*" -> Math.multiplyExact(x, y);
        case "//" -> Math.floorDiv(x, (long) divisor(b));
        case "%" -> Math.floorMod(x, (long) divisor(b));
        default -> power(x, y);
      };
    } catch (ArithmeticException e) {
      throw new TemplateException("%d %s %d is too large".formatted(x, operator, y));
    }
  }

  private static Object power(long x, long y) {
    if (y < 0) {
      return Math.pow((double) x, (double) y);
    }
    long out = 1;
    for (long i = 0; i < y && out != 0 && x != 1; i++) {
      out = Math.multiplyExact(out, x);
      if (x == -1 && i > 1) {
        return y % 2 == 0 ? 1L : -1L;
      }
    }
    return out;
  }

  private static double divisor(Object b) {
    double d = Values.number(b);
    if (d == 0) {
      throw new TemplateException("division by zero");
    }
    return d;
  }
}

package org.tune4j.jinja;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** {@code value is test}. */
final class Tests {
  private static final Set<String> COMPARISONS =
      Set.of(
          "divisibleby",
          "equalto",
          "eq",
          "==",
          "sameas",
          "ne",
          "!=",
          "lt",
          "lessthan",
          "<",
          "le",
          "<=",
          "gt",
          "greaterthan",
          ">",
          "ge",
          ">=",
          "in");

  private Tests() {}

  static boolean holds(String name, Object value, List<Object> arguments) {
    return switch (name) {
      case "defined" -> !(value instanceof Undefined);
      case "undefined" -> value instanceof Undefined;
      case "none" -> value instanceof None;
      case "string" -> value instanceof String;
      case "mapping" -> value instanceof Map;
      case "iterable", "sequence" ->
          value instanceof List
              || value instanceof Map
              || value instanceof String
              || value instanceof Undefined;
      case "number" -> Values.isNumber(value);
      case "integer" -> value instanceof Long;
      case "float" -> value instanceof Double;
      case "boolean" -> value instanceof Boolean;
      case "true" -> value.equals(true);
      case "false" -> value.equals(false);
      case "callable" -> value instanceof Callable || value instanceof Macro;
      case "lower" -> Values.text(value).equals(Values.text(value).toLowerCase(Locale.ROOT));
      case "upper" -> Values.text(value).equals(Values.text(value).toUpperCase(Locale.ROOT));
      case "odd" -> Math.floorMod(Values.integer(value), 2L) == 1;
      case "even" -> Math.floorMod(Values.integer(value), 2L) == 0;
      default -> compares(name, value, arguments);
    };
  }

  private static boolean compares(String name, Object value, List<Object> arguments) {
    if (!COMPARISONS.contains(name)) {
      throw new TemplateException("test '" + name + "' is not known");
    }
    if (arguments.isEmpty()) {
      throw new TemplateException("test '" + name + "' has no argument");
    }
    Object other = arguments.get(0);
    return switch (name) {
      case "divisibleby" -> Values.equal(Operators.apply("%", value, other), 0L);
      case "equalto", "eq", "==", "sameas" -> Values.equal(value, other);
      case "ne", "!=" -> !Values.equal(value, other);
      case "lt", "lessthan", "<" -> Values.order(value, other) < 0;
      case "le", "<=" -> Values.order(value, other) <= 0;
      case "gt", "greaterthan", ">" -> Values.order(value, other) > 0;
      case "ge", ">=" -> Values.order(value, other) >= 0;
      default -> Operators.contains(other, value);
    };
  }
}

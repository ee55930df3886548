package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** {@code value | filter}. */
final class Filters {
  /** A filter's arguments, in order or by name. */
  record Args(List<Object> inOrder, Map<String, Object> named, Limits limits) {
    Object get(int i, String name, Object fallback) {
      return i >= 0 && i < inOrder.size() ? inOrder.get(i) : named.getOrDefault(name, fallback);
    }

    Object required(int i, String name) {
      Object value = get(i, name, None.NONE);
      if (value instanceof None) {
        throw new TemplateException("the filter's argument '" + name + "' is missing");
      }
      return value;
    }
  }

  /** A value and arguments to a value. */
  @FunctionalInterface
  interface Filter {
    Object apply(Object value, Args args);
  }

  private static final Map<String, Filter> FILTERS = all();

  private static Map<String, Filter> all() {
    Map<String, Filter> filters = new HashMap<>();
    texts(filters);
    lists(filters);
    orders(filters);
    choices(filters);
    numbers(filters);
    totals(filters);
    return Map.copyOf(filters);
  }

  private Filters() {}

  /**
   * A filter that is not known is an error where it is used, so that unused branches may name it.
   */
  static Object apply(String name, Object value, Args args) {
    Filter filter = FILTERS.get(name);
    if (filter == null) {
      throw new TemplateException("filter '" + name + "' is not known");
    }
    args.limits().work(value);
    Object result = filter.apply(value, args);
    args.limits().work(result);
    return result;
  }

  private static void texts(Map<String, Filter> filters) {
    filters.put(
        "trim",
        (v, a) -> {
          Object away = a.get(0, "chars", None.NONE);
          return away instanceof None
              ? StringMethods.strip(Values.text(v), StringMethods::isSpace, true, true)
              : StringMethods.strip(
                  Values.text(v), StringMethods.oneOf(Values.string(away)), true, true);
        });
    filters.put("string", (v, a) -> Values.text(v));
    filters.put("safe", (v, a) -> Values.text(v));
    filters.put("upper", (v, a) -> Values.text(v).toUpperCase(Locale.ROOT));
    filters.put("lower", (v, a) -> Values.text(v).toLowerCase(Locale.ROOT));
    filters.put("title", (v, a) -> StringMethods.title(Values.text(v)));
    filters.put("capitalize", (v, a) -> StringMethods.capitalize(Values.text(v)));
    filters.put(
        "replace",
        (v, a) ->
            StringMethods.replace(
                Values.text(v),
                Values.text(a.required(0, "old")),
                Values.text(a.required(1, "new")),
                Values.integer(a.get(2, "count", -1L))));
    filters.put("indent", (v, a) -> indent(Values.text(v), a));
    Filter escape =
        (v, a) ->
            Values.text(v)
                .replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("'", "&#39;")
                .replace("\"", "&#34;");
    filters.put("escape", escape);
    filters.put("e", escape);
    filters.put("tojson", Json::dump);
    filters.put(
        "join",
        (v, a) -> {
          Object attribute = a.get(1, "attribute", None.NONE);
          return StringMethods.joined(
              Values.items(v).stream()
                  .map(i -> Values.text(attribute instanceof None ? i : path(i, attribute)))
                  .peek(a.limits()::work)
                  .toList(),
              Values.text(a.get(0, "d", "")));
        });
  }

  private static void lists(Map<String, Filter> filters) {
    Filter length = (v, a) -> Values.length(v);
    filters.put("length", length);
    filters.put("count", length);
    filters.put("list", (v, a) -> Values.items(v));
    filters.put(
        "items",
        (v, a) -> {
          if (v instanceof Undefined) {
            return List.of();
          }
          if (v instanceof Map<?, ?> map) {
            return Attributes.pairs(map);
          }
          throw Values.used(v, "taken as pairs");
        });
    filters.put(
        "first",
        (v, a) ->
            Values.items(v).stream()
                .findFirst()
                .orElseGet(() -> new Undefined("no first item, the sequence is empty")));
    filters.put(
        "last",
        (v, a) -> {
          List<Object> items = Values.items(v);
          return items.isEmpty()
              ? new Undefined("no last item, the sequence is empty")
              : items.get(items.size() - 1);
        });
    filters.put(
        "reverse",
        (v, a) -> {
          List<Object> items = Values.items(v);
          Collections.reverse(items);
          return v instanceof String
              ? items.stream().map(Values::text).collect(Collectors.joining())
              : items;
        });
  }

  private static void orders(Map<String, Filter> filters) {
    filters.put(
        "unique",
        (v, a) -> {
          List<Object> out = new ArrayList<>();
          Limits.Comparison limit = new Limits.Comparison();
          for (Object item : Values.items(v)) {
            if (out.stream().noneMatch(o -> Values.equal(folded(o, a), folded(item, a), limit))) {
              out.add(item);
              Limits.requireUnique(out.size());
            }
          }
          return out;
        });
    filters.put(
        "sort",
        (v, a) -> {
          Object attribute = a.get(2, "attribute", None.NONE);
          boolean exact = Values.truth(a.get(1, "case_sensitive", false));
          Comparator<Object> by =
              Comparator.comparing(
                  i -> folded(attribute instanceof None ? i : path(i, attribute), exact, a),
                  order());
          List<Object> items = Values.items(v);
          items.sort(Values.truth(a.get(0, "reverse", false)) ? by.reversed() : by);
          return items;
        });
    filters.put(
        "dictsort",
        (v, a) -> {
          if (!(v instanceof Map<?, ?> map)) {
            throw Values.used(v, "sorted as a dict");
          }
          boolean exact = Values.truth(a.get(0, "case_sensitive", false));
          int part = Values.text(a.get(1, "by", "key")).equals("value") ? 1 : 0;
          Comparator<Object> by =
              Comparator.comparing(p -> folded(Values.items(p).get(part), exact, a), order());
          List<Object> pairs = Attributes.pairs(map);
          pairs.sort(Values.truth(a.get(2, "reverse", false)) ? by.reversed() : by);
          return pairs;
        });
  }

  private static void choices(Map<String, Filter> filters) {
    filters.put(
        "map",
        (v, a) -> {
          Object attribute = a.get(-1, "attribute", None.NONE);
          Object fallback = a.get(-1, "default", None.NONE);
          if (!(attribute instanceof None)) {
            return each(
                v,
                i -> {
                  Object at = path(i, attribute);
                  return at instanceof Undefined && !(fallback instanceof None) ? fallback : at;
                });
          }
          String name = Values.string(a.required(0, "filter"));
          Args rest = new Args(a.inOrder().subList(1, a.inOrder().size()), a.named(), a.limits());
          return each(v, i -> apply(name, i, rest));
        });
    filters.put("select", (v, a) -> chosen(v, a, false, true));
    filters.put("reject", (v, a) -> chosen(v, a, false, false));
    filters.put("selectattr", (v, a) -> chosen(v, a, true, true));
    filters.put("rejectattr", (v, a) -> chosen(v, a, true, false));
    filters.put(
        "groupby",
        (v, a) -> {
          Map<Object, List<Object>> groups = new LinkedHashMap<>();
          List<Object> items = Values.items(v);
          items.sort(Comparator.comparing(i -> path(i, a.required(0, "attribute")), order()));
          items.forEach(
              i ->
                  groups
                      .computeIfAbsent(
                          Values.key(path(i, a.required(0, "attribute"))), k -> new ArrayList<>())
                      .add(i));
          return Attributes.pairs(groups);
        });
  }

  private static void numbers(Map<String, Filter> filters) {
    Filter fallback =
        (v, a) -> {
          boolean empty = Values.truth(a.get(1, "boolean", false)) && !Values.truth(v);
          return v instanceof Undefined || empty ? a.get(0, "default_value", "") : v;
        };
    filters.put("default", fallback);
    filters.put("d", fallback);
    filters.put(
        "int",
        (v, a) -> {
          try {
            return v instanceof String s ? Long.parseLong(s.strip()) : (long) Values.number(v);
          } catch (NumberFormatException | TemplateException e) {
            return a.get(0, "default", 0L);
          }
        });
    filters.put(
        "float",
        (v, a) -> {
          try {
            return v instanceof String s ? Double.parseDouble(s.strip()) : Values.number(v);
          } catch (NumberFormatException | TemplateException e) {
            return a.get(0, "default", 0.0);
          }
        });
    filters.put(
        "abs",
        (v, a) ->
            v instanceof Double d ? (Object) Math.abs(d) : (Object) Math.abs(Values.integer(v)));
    filters.put(
        "round",
        (v, a) -> {
          double scale = Math.pow(10, Values.number(a.get(0, "precision", 0L)));
          return Math.rint(Values.number(v) * scale) / scale;
        });
  }

  private static void totals(Map<String, Filter> filters) {
    filters.put(
        "sum",
        (v, a) -> {
          Object attribute = a.get(0, "attribute", None.NONE);
          Object sum = a.get(1, "start", 0L);
          for (Object item : Values.items(v)) {
            a.limits().work(sum);
            sum =
                Operators.apply("+", sum, attribute instanceof None ? item : path(item, attribute));
          }
          return sum;
        });
    filters.put(
        "max",
        (v, a) ->
            Values.items(v).stream()
                .max(order())
                .orElseGet(() -> new Undefined("no largest item, the sequence is empty")));
    filters.put(
        "min",
        (v, a) ->
            Values.items(v).stream()
                .min(order())
                .orElseGet(() -> new Undefined("no smallest item, the sequence is empty")));
  }

  private static Object folded(Object value, Args a) {
    return folded(value, Values.truth(a.get(0, "case_sensitive", false)), a);
  }

  private static Object folded(Object value, boolean exact, Args a) {
    a.limits().work(value);
    return value instanceof String s && !exact ? s.toLowerCase(Locale.ROOT) : value;
  }

  /** Python's order, for one operation. */
  private static Comparator<Object> order() {
    Limits.Comparison limit = new Limits.Comparison();
    return (x, y) -> Values.order(x, y, limit);
  }

  private static List<Object> each(Object value, java.util.function.UnaryOperator<Object> f) {
    return truthyItems(value).stream().map(f).collect(Collectors.toList());
  }

  /** Of nothing there are no items: jinja2 lets these filters pass {@code None}. */
  private static List<Object> truthyItems(Object value) {
    return Values.truth(value) ? Values.items(value) : List.of();
  }

  /** {@code 'function.name'} of an item. */
  private static Object path(Object item, Object attribute) {
    Object value = item;
    if (attribute instanceof Long) {
      return Attributes.item(item, attribute);
    }
    for (String name : Values.string(attribute).split("\\.")) {
      value =
          Attributes.item(value, name.matches("[0-9]{1,9}") ? (Object) Long.valueOf(name) : name);
    }
    return value;
  }

  private static Object chosen(Object value, Args a, boolean byAttribute, boolean keep) {
    int skip = byAttribute ? 1 : 0;
    List<Object> args = a.inOrder();
    String test = args.size() > skip ? Values.string(args.get(skip)) : "";
    List<Object> rest = args.size() > skip + 1 ? args.subList(skip + 1, args.size()) : List.of();
    List<Object> out = new ArrayList<>();
    for (Object item : truthyItems(value)) {
      Object tested = byAttribute ? path(item, a.required(0, "attribute")) : item;
      a.limits().work(tested);
      rest.forEach(a.limits()::work);
      boolean holds = test.isEmpty() ? Values.truth(tested) : Tests.holds(test, tested, rest);
      if (holds == keep) {
        out.add(item);
      }
    }
    return out;
  }

  private static String indent(String text, Args a) {
    Object width = a.get(0, "width", 4L);
    boolean first = Values.truth(a.get(1, "first", false));
    boolean blank = Values.truth(a.get(2, "blank", false));
    String by =
        width instanceof String s
            ? s
            : " ".repeat((int) Math.max(0, Math.min(1000, Values.integer(width))));
    String[] lines = text.split("\n", -1);
    Limits.requireSize(text.length() + (double) by.length() * lines.length);
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < lines.length; i++) {
      boolean indented = i == 0 ? first : blank || !lines[i].isEmpty();
      out.append(i > 0 ? "\n" : "").append(indented ? by : "").append(lines[i]);
    }
    return out.toString();
  }
}

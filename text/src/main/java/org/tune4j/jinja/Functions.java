package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What every template can call. */
final class Functions {
  /** As in jinja2's sandbox. */
  private static final int MAX_RANGE = 100_000;

  static final Map<String, Object> GLOBAL =
      Map.of(
          "range", (Callable) (a, named) -> range(a),
          "namespace", (Callable) (a, named) -> new Namespace(entries(a, named)),
          "dict", (Callable) (a, named) -> new LinkedHashMap<Object, Object>(entries(a, named)),
          "raise_exception",
              (Callable)
                  (a, named) -> {
                    throw new TemplateException(a.isEmpty() ? "refused" : Values.text(a.get(0)));
                  });

  private Functions() {}

  private static Map<String, Object> entries(List<Object> a, Map<String, Object> named) {
    Map<String, Object> entries = new LinkedHashMap<>();
    if (!a.isEmpty() && a.get(0) instanceof Map<?, ?> map) {
      map.forEach((k, v) -> entries.put(Values.text(k), v));
    }
    entries.putAll(named);
    return entries;
  }

  private static List<Object> range(List<Object> a) {
    if (a.isEmpty()) {
      throw new TemplateException("range has no argument");
    }
    long from = a.size() > 1 ? Values.integer(a.get(0)) : 0;
    long to = Values.integer(a.get(a.size() > 1 ? 1 : 0));
    long step = a.size() > 2 ? Values.integer(a.get(2)) : 1;
    if (step == 0) {
      throw new TemplateException("range's step is 0");
    }
    List<Object> out = new ArrayList<>();
    for (long i = from; step > 0 ? i < to : i > to; i += step) {
      if (out.size() == MAX_RANGE) {
        throw new TemplateException("range has more than " + MAX_RANGE + " items");
      }
      out.add(i);
    }
    return out;
  }
}

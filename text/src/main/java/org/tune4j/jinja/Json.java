package org.tune4j.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code tojson} as transformers writes it: Python's {@code json.dumps} without ASCII escapes. */
final class Json {
  private final @Nullable String indent;
  private final String itemSeparator;
  private final String keySeparator;
  private final boolean ascii;
  private final boolean sorted;
  private final Filters.Args plain;
  private final StringBuilder out = new StringBuilder();

  private Json(
      @Nullable String indent,
      String itemSeparator,
      String keySeparator,
      boolean ascii,
      boolean sorted,
      Limits limits) {
    this.plain = new Filters.Args(List.of(), Map.of(), limits);
    this.indent = indent;
    this.itemSeparator = itemSeparator;
    this.keySeparator = keySeparator;
    this.ascii = ascii;
    this.sorted = sorted;
  }

  static String dump(Object value, Filters.Args args) {
    Object indent = args.get(1, "indent", None.NONE);
    Object separators = args.get(2, "separators", None.NONE);
    String spaces =
        indent instanceof None
            ? null
            : indent instanceof String s
                ? s
                : " ".repeat((int) Math.max(0, Math.min(100, Values.integer(indent))));
    List<Object> given = separators instanceof None ? List.of() : Values.items(separators);
    Json json =
        new Json(
            spaces,
            given.size() == 2 ? Values.string(given.get(0)) : spaces == null ? ", " : ",",
            given.size() == 2 ? Values.string(given.get(1)) : ": ",
            Values.truth(args.get(0, "ensure_ascii", false)),
            Values.truth(args.get(3, "sort_keys", false)),
            args.limits());
    json.value(value, 1);
    return json.out.toString();
  }

  private void value(Object value, int depth) {
    Limits.requireSize(out.length());
    if (value instanceof String s) {
      string(s);
    } else if (value instanceof List<?> list) {
      open('[', list.isEmpty());
      int i = 0;
      for (Object item : list) {
        separate(i++, depth);
        value(item, depth + 1);
      }
      close(']', list.isEmpty(), depth);
    } else if (value instanceof Map<?, ?> map) {
      open('{', map.isEmpty());
      int i = 0;
      for (Map.Entry<?, ?> e :
          map.entrySet().stream()
              .sorted((a, b) -> sorted ? Values.order(a.getKey(), b.getKey()) : 0)
              .toList()) {
        separate(i++, depth);
        string(e.getKey() instanceof String s ? s : dump(e.getKey(), plain));
        out.append(keySeparator);
        value(e.getValue(), depth + 1);
      }
      close('}', map.isEmpty(), depth);
    } else if (value instanceof None) {
      out.append("null");
    } else if (value instanceof Boolean) {
      out.append(value);
    } else if (value instanceof Long || value instanceof Double) {
      out.append(Values.repr(value));
    } else {
      throw Values.used(value, "written as JSON");
    }
  }

  private void open(char bracket, boolean empty) {
    out.append(bracket);
    if (!empty && indent != null) {
      out.append('\n');
    }
  }

  private void separate(int index, int depth) {
    if (index > 0) {
      out.append(itemSeparator);
      if (indent != null) {
        out.append('\n');
      }
    }
    if (indent != null) {
      Limits.requireSize(out.length() + indent.length() * (double) depth);
      out.append(indent.repeat(depth));
    }
  }

  private void close(char bracket, boolean empty, int depth) {
    if (!empty && indent != null) {
      out.append('\n').append(indent.repeat(depth - 1));
    }
    out.append(bracket);
  }

  private void string(String s) {
    out.append('"');
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      int named = "\"\\\n\r\t\b\f".indexOf(c);
      if (named >= 0) {
        out.append('\\').append("\"\\nrtbf".charAt(named));
      } else if (c < 0x20 || (ascii && c > 0x7e)) {
        out.append("\\u%04x".formatted((int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }
}

package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Methods of Python's {@code str}. */
final class StringMethods {
  private StringMethods() {}

  static @Nullable Callable of(String s, String name) {
    return switch (name) {
      case "strip" -> (a, named) -> strip(s, a, true, true);
      case "lstrip" -> (a, named) -> strip(s, a, true, false);
      case "rstrip" -> (a, named) -> strip(s, a, false, true);
      case "split" ->
          (a, named) -> split(s, argument(a, named, 0, "sep"), argument(a, named, 1, "maxsplit"));
      case "rsplit" ->
          (a, named) -> rsplit(s, argument(a, named, 0, "sep"), argument(a, named, 1, "maxsplit"));
      case "splitlines" -> (a, named) -> lines(s);
      case "startswith" -> (a, named) -> any(a.get(0), s::startsWith);
      case "endswith" -> (a, named) -> any(a.get(0), s::endsWith);
      case "upper" -> (a, named) -> s.toUpperCase(Locale.ROOT);
      case "lower" -> (a, named) -> s.toLowerCase(Locale.ROOT);
      case "title" -> (a, named) -> title(s);
      case "capitalize" -> (a, named) -> capitalize(s);
      case "replace" ->
          (a, named) ->
              replace(
                  s,
                  Values.string(a.get(0)),
                  Values.string(a.get(1)),
                  a.size() > 2 ? Values.integer(a.get(2)) : -1);
      case "join" ->
          (a, named) -> joined(Values.items(a.get(0)).stream().map(Values::string).toList(), s);
      case "find" -> (a, named) -> points(s, indexOf(s, Values.string(a.get(0)), 0));
      case "rfind" -> (a, named) -> points(s, lastIndexOf(s, Values.string(a.get(0))));
      case "index" ->
          (a, named) -> {
            int i = indexOf(s, Values.string(a.get(0)), 0);
            if (i < 0) {
              throw new TemplateException("substring not found");
            }
            return points(s, i);
          };
      case "count" -> (a, named) -> count(s, Values.string(a.get(0)));
      case "removeprefix" ->
          (a, named) ->
              s.startsWith(Values.string(a.get(0)))
                  ? s.substring(Values.string(a.get(0)).length())
                  : s;
      case "removesuffix" ->
          (a, named) ->
              s.endsWith(Values.string(a.get(0)))
                  ? s.substring(0, s.length() - Values.string(a.get(0)).length())
                  : s;
      case "isdigit" -> (a, named) -> all(s, Character::isDigit);
      case "isalpha" -> (a, named) -> all(s, Character::isLetter);
      case "isalnum" -> (a, named) -> all(s, Character::isLetterOrDigit);
      case "isspace" -> (a, named) -> all(s, StringMethods::isSpace);
      case "isupper" ->
          (a, named) ->
              !s.equals(s.toLowerCase(Locale.ROOT)) && s.equals(s.toUpperCase(Locale.ROOT));
      case "islower" ->
          (a, named) ->
              !s.equals(s.toUpperCase(Locale.ROOT)) && s.equals(s.toLowerCase(Locale.ROOT));
      case "format" -> (a, named) -> format(s, a, named);
      default -> null;
    };
  }

  static String joined(List<String> texts, String between) {
    Limits.requireSize(
        texts.stream().mapToDouble(String::length).sum()
            + (double) between.length() * texts.size());
    return String.join(between, texts);
  }

  private static Object argument(List<Object> a, Map<String, Object> named, int i, String name) {
    Object value = i < a.size() ? a.get(i) : named.get(name);
    return value != null ? value : None.NONE;
  }

  private static boolean any(Object affixes, java.util.function.Predicate<String> has) {
    if (affixes instanceof List<?> all) {
      Limits.requireSize(all.stream().mapToDouble(m -> Values.string(m).length()).sum());
    }
    return affixes instanceof List<?> many
        ? many.stream().anyMatch(m -> has.test(Values.string(m)))
        : has.test(Values.string(affixes));
  }

  private static boolean all(String s, IntPredicate is) {
    return !s.isEmpty() && s.codePoints().allMatch(is);
  }

  private static long points(String s, int index) {
    return index < 0 ? -1 : s.codePointCount(0, index);
  }

  /** What Python's {@code str.strip()} takes away. */
  static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  private static String strip(String s, List<Object> a, boolean left, boolean right) {
    return a.isEmpty() || a.get(0) instanceof None
        ? strip(s, StringMethods::isSpace, left, right)
        : strip(s, oneOf(Values.string(a.get(0))), left, right);
  }

  /** Whether a character is one of a text's. */
  static IntPredicate oneOf(String chars) {
    Set<Integer> all = chars.codePoints().boxed().collect(Collectors.toSet());
    return all::contains;
  }

  static String strip(String s, IntPredicate away, boolean left, boolean right) {
    int from = 0;
    int to = s.length();
    while (left && from < to && away.test(s.codePointAt(from))) {
      from += Character.charCount(s.codePointAt(from));
    }
    while (right && to > from && away.test(s.codePointBefore(to))) {
      to -= Character.charCount(s.codePointBefore(to));
    }
    return s.substring(from, to);
  }

  private static List<Object> split(String s, Object separator, Object most) {
    long left = most instanceof None ? -1 : Values.integer(most);
    List<Object> parts = new ArrayList<>();
    if (separator instanceof None) {
      int from = 0;
      while (true) {
        while (from < s.length() && isSpace(s.charAt(from))) {
          from++;
        }
        if (from == s.length()) {
          return parts;
        }
        if (left-- == 0) {
          parts.add(strip(s.substring(from), StringMethods::isSpace, false, true));
          return parts;
        }
        int end = from;
        while (end < s.length() && !isSpace(s.charAt(end))) {
          end++;
        }
        parts.add(s.substring(from, end));
        from = end;
      }
    }
    String by = separator(separator);
    int from = 0;
    for (int i = indexOf(s, by, 0); i >= 0 && left-- != 0; i = indexOf(s, by, from)) {
      parts.add(s.substring(from, i));
      from = i + by.length();
    }
    parts.add(s.substring(from));
    return parts;
  }

  private static List<Object> rsplit(String s, Object separator, Object most) {
    if (most instanceof None || separator instanceof None) {
      return split(s, separator, None.NONE);
    }
    List<Object> parts = split(reversed(s), reversed(separator(separator)), most);
    parts.replaceAll(part -> reversed(Values.string(part)));
    Collections.reverse(parts);
    return parts;
  }

  private static String reversed(String s) {
    return new StringBuilder(s).reverse().toString();
  }

  private static String separator(Object separator) {
    String by = Values.string(separator);
    if (by.isEmpty()) {
      throw new TemplateException("empty separator");
    }
    return by;
  }

  static List<Object> lines(String s) {
    return s.lines().collect(Collectors.toList());
  }

  static String replace(String s, String from, String to, long most) {
    double places = count(s, from);
    Limits.requireSize(s.length() + places * to.length());
    if (most < 0 && from.isEmpty()) {
      return s.replace(from, to);
    }
    long left = most < 0 ? Long.MAX_VALUE : most;
    StringBuilder out = new StringBuilder();
    int at = 0;
    for (int i = indexOf(s, from, 0);
        i >= 0 && left-- > 0 && !from.isEmpty();
        i = indexOf(s, from, at)) {
      out.append(s, at, i).append(to);
      at = i + from.length();
    }
    return out.append(s.substring(at)).toString();
  }

  private static long count(String s, String part) {
    if (part.isEmpty()) {
      return s.length() + 1L;
    }
    long count = 0;
    for (int i = indexOf(s, part, 0); i >= 0; i = indexOf(s, part, i + part.length())) {
      count++;
    }
    return count;
  }

  /** As {@code String.indexOf}, in steps that long parts do not multiply (Knuth, Morris, Pratt). */
  static int indexOf(String s, String part, int from) {
    int m = part.length();
    if (m <= 64) {
      return s.indexOf(part, from);
    }
    int[] border = new int[m + 1]; // of the longest proper beginning that is an end, too
    border[0] = -1;
    int matched = -1;
    for (int i = 0; i < m; i++) {
      while (matched >= 0 && part.charAt(i) != part.charAt(matched)) {
        matched = border[matched];
      }
      border[i + 1] = ++matched;
    }
    matched = 0;
    for (int i = from; i < s.length(); i++) {
      while (matched >= 0 && s.charAt(i) != part.charAt(matched)) {
        matched = border[matched];
      }
      if (++matched == m) {
        return i + 1 - m;
      }
    }
    return -1;
  }

  private static int lastIndexOf(String s, String part) {
    if (part.length() <= 64) {
      return s.lastIndexOf(part);
    }
    int at = indexOf(reversed(s), reversed(part), 0);
    return at < 0 ? -1 : s.length() - at - part.length();
  }

  static String capitalize(String s) {
    return s.isEmpty()
        ? s
        : s.substring(0, 1).toUpperCase(Locale.ROOT) + s.substring(1).toLowerCase(Locale.ROOT);
  }

  static String title(String s) {
    StringBuilder out = new StringBuilder();
    boolean inside = false;
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      out.append(inside ? Character.toLowerCase(c) : Character.toTitleCase(c));
      inside = Character.isLetter(c);
    }
    return out.toString();
  }

  private static int index(String digits) {
    return digits.length() > 6 ? Integer.MAX_VALUE : Integer.parseInt(digits);
  }

  /** {@code str.format} without format specifications. */
  private static String format(String s, List<Object> a, Map<String, Object> named) {
    StringBuilder out = new StringBuilder();
    int next = 0;
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      boolean twice = i + 1 < s.length() && s.charAt(i + 1) == c;
      if ((c == '{' || c == '}') && twice) {
        out.append(c);
        i++;
      } else if (c == '{') {
        int end = s.indexOf('}', i);
        if (end < 0) {
          throw new TemplateException("format: '{' is not closed");
        }
        String field = s.substring(i + 1, end);
        Object value =
            field.isEmpty()
                ? argument(a, Map.of(), next++, "")
                : field.chars().allMatch(Character::isDigit)
                    ? argument(a, Map.of(), index(field), "")
                    : named.getOrDefault(field, None.NONE);
        if (value instanceof None && !named.containsKey(field)) {
          throw new TemplateException("format: no argument for '{" + field + "}'");
        }
        String text = Values.text(value);
        Limits.requireSize(out.length() + (double) text.length());
        out.append(text);
        i = end;
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }
}

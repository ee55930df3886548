package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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
      case "find" -> (a, named) -> points(s, s.indexOf(Values.string(a.get(0))));
      case "rfind" -> (a, named) -> points(s, s.lastIndexOf(Values.string(a.get(0))));
      case "index" ->
          (a, named) -> {
            int i = s.indexOf(Values.string(a.get(0)));
            if (i < 0) {
              throw new TemplateException("substring not found");
            }
            return points(s, i);
          };
      case "count" ->
          (a, named) ->
              (long) s.split(java.util.regex.Pattern.quote(Values.string(a.get(0))), -1).length - 1;
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
        : strip(s, c -> Values.string(a.get(0)).indexOf(c) >= 0, left, right);
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
      String rest = strip(s, StringMethods::isSpace, true, false);
      while (!rest.isEmpty()) {
        int end = 0;
        while (end < rest.length() && !isSpace(rest.charAt(end))) {
          end++;
        }
        if (left-- == 0) {
          parts.add(strip(rest, StringMethods::isSpace, false, true));
          break;
        }
        parts.add(rest.substring(0, end));
        rest = strip(rest.substring(end), StringMethods::isSpace, true, false);
      }
      return parts;
    }
    String by = separator(separator);
    int from = 0;
    for (int i = s.indexOf(by); i >= 0 && left-- != 0; i = s.indexOf(by, from)) {
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
    String by = separator(separator);
    long left = Values.integer(most);
    List<Object> parts = new ArrayList<>();
    String rest = s;
    for (int i = rest.lastIndexOf(by); i >= 0 && left-- != 0; i = rest.lastIndexOf(by)) {
      parts.add(0, rest.substring(i + by.length()));
      rest = rest.substring(0, i);
    }
    parts.add(0, rest);
    return parts;
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
    double places = from.isEmpty() ? s.length() + 1.0 : 0;
    for (int i = from.isEmpty() ? -1 : s.indexOf(from);
        i >= 0;
        i = s.indexOf(from, i + from.length())) {
      places++;
    }
    Limits.requireSize(s.length() + places * to.length());
    if (most < 0) {
      return s.replace(from, to);
    }
    StringBuilder out = new StringBuilder();
    int at = 0;
    for (int i = s.indexOf(from);
        i >= 0 && most-- > 0 && !from.isEmpty();
        i = s.indexOf(from, at)) {
      out.append(s, at, i).append(to);
      at = i + from.length();
    }
    return out.append(s.substring(at)).toString();
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
        out.append(Values.text(value));
        i = end;
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }
}

package org.tune4j.jinja;

import java.time.Clock;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * transformers' {@code strftime_now(format)}: the current time, as C's {@code strftime} writes it.
 */
public final class StrftimeNow implements Callable {
  private static final Map<Character, String> PATTERNS =
      Map.ofEntries(
          Map.entry('Y', "yyyy"),
          Map.entry('y', "yy"),
          Map.entry('m', "MM"),
          Map.entry('d', "dd"),
          Map.entry('H', "HH"),
          Map.entry('I', "hh"),
          Map.entry('M', "mm"),
          Map.entry('S', "ss"),
          Map.entry('B', "MMMM"),
          Map.entry('b', "MMM"),
          Map.entry('A', "EEEE"),
          Map.entry('a', "EEE"),
          Map.entry('p', "a"),
          Map.entry('j', "DDD"),
          Map.entry('F', "yyyy-MM-dd"),
          Map.entry('T', "HH:mm:ss"));

  private final Clock clock;

  /**
   * Of this clock.
   *
   * @param clock gives the time and its zone
   */
  public StrftimeNow(Clock clock) {
    this.clock = clock;
  }

  @Override
  public Object call(List<Object> arguments, Map<String, Object> named) {
    String format = Values.string(arguments.isEmpty() ? "%Y-%m-%d" : arguments.get(0));
    ZonedDateTime now = ZonedDateTime.now(clock);
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        out.append(c);
        continue;
      }
      char directive = format.charAt(++i);
      String pattern = PATTERNS.get(directive);
      if (pattern == null && directive != '%') {
        throw new TemplateException("strftime_now: %" + directive + " is not known");
      }
      out.append(
          pattern == null ? "%" : DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(now));
    }
    return out.toString();
  }
}

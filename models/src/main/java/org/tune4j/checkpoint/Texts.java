package org.tune4j.checkpoint;

import java.util.List;
import java.util.Locale;

/** How names and sizes from foreign files appear in one-line messages. */
public final class Texts {
  private static final int LONGEST = 120;
  private static final String[] UNITS = {"kB", "MB", "GB", "TB", "PB", "EB"};

  private Texts() {}

  /**
   * {@return the name in quotes, shortened, with control characters made visible}
   *
   * @param name from a file
   */
  public static String quoted(String name) {
    StringBuilder text = new StringBuilder("'");
    int end = Math.min(name.length(), LONGEST);
    for (int i = 0; i < end; i++) {
      char c = name.charAt(i);
      if (Character.isISOControl(c)) {
        text.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
      } else {
        text.append(c);
      }
    }
    return text.append(end < name.length() ? "...'" : "'").toString();
  }

  /**
   * {@return the first few names in quotes and how many more there are}
   *
   * @param names from a file
   */
  public static String quoted(List<String> names) {
    int shown = Math.min(3, names.size());
    String text = String.join(", ", names.subList(0, shown).stream().map(Texts::quoted).toList());
    return shown == names.size() ? text : text + " and " + (names.size() - shown) + " more";
  }

  /** Decimal units with one digit after the point, as disks and model pages count. */
  static String size(long bytes) {
    if (bytes < 1000) {
      return bytes + " bytes";
    }
    double value = bytes;
    int unit = -1;
    while (value >= 1000 && unit + 1 < UNITS.length) {
      value /= 1000;
      unit++;
    }
    return String.format(Locale.ROOT, "%.1f %s", value, UNITS[unit]);
  }
}

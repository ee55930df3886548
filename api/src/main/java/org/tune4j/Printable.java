package org.tune4j;

/**
 * Text from elsewhere as it may be shown: a terminal obeys control characters, whoever wrote them.
 */
public final class Printable {
  private Printable() {}

  /**
   * {@return a text in which each control character but line break and tab is written out, as
   * {@code \u005cu001b}, which JSON reads as what it was}
   *
   * @param text of anyone
   */
  public static String of(String text) {
    StringBuilder out = null;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (isControl(c) && out == null) {
        out = new StringBuilder(text.length() + 16).append(text, 0, i);
      }
      if (out != null) {
        out.append(isControl(c) ? "\\u%04x".formatted((int) c) : Character.toString(c));
      }
    }
    return out == null ? text : out.toString();
  }

  private static boolean isControl(char c) {
    return Character.isISOControl(c) && c != '\n' && c != '\t';
  }
}

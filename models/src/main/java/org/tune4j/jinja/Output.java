package org.tune4j.jinja;

/** Rendered text, up to a limit that no conversation reaches but a hostile template does. */
final class Output {
  private static final int MAX_CHARS = 1 << 28;

  private final StringBuilder text = new StringBuilder();

  void append(String s) {
    if (text.length() + (long) s.length() > MAX_CHARS) {
      throw new TemplateException("the rendered text grows beyond " + MAX_CHARS + " characters");
    }
    text.append(s);
  }

  @Override
  public String toString() {
    return text.toString();
  }
}

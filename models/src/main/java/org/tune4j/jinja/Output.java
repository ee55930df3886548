package org.tune4j.jinja;

/** Rendered text, up to a limit that no conversation reaches but a hostile template does. */
final class Output {
  private final StringBuilder text = new StringBuilder();

  void append(String s) {
    Limits.requireSize(text.length() + (double) s.length());
    text.append(s);
  }

  @Override
  public String toString() {
    return text.toString();
  }
}

package org.tune4j.jinja;

/** A template that cannot be parsed or rendered, at a line of it. */
public final class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** From 1; 0 where it is not known yet. */
  private final int line;

  TemplateException(int line, String reason) {
    super(reason);
    this.line = line;
  }

  TemplateException(String reason) {
    this(0, reason);
  }

  /** {@return the template's line, from 1; 0 where it has none} */
  public int line() {
    return line;
  }

  /** The same with a line, if it has none. */
  TemplateException at(int where) {
    return line > 0 ? this : new TemplateException(where, String.valueOf(getMessage()));
  }
}

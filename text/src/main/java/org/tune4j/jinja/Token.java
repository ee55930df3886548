package org.tune4j.jinja;

/**
 * A piece of a template.
 *
 * @param text of a string without its quotes and escapes, else as written
 */
record Token(Kind kind, String text, int line) {
  /** Kinds; {@code DATA} is text outside tags. */
  enum Kind {
    DATA,
    VARIABLE_BEGIN,
    VARIABLE_END,
    BLOCK_BEGIN,
    BLOCK_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean is(Kind k, String t) {
    return kind == k && text.equals(t);
  }
}

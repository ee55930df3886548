package org.tune4j.jinja;

import java.util.List;
import org.tune4j.jinja.Token.Kind;

/** Tokens and how far they are read. */
final class Tokens {
  private final List<Token> tokens;
  private int at;

  Tokens(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token peek() {
    return tokens.get(at);
  }

  Token next() {
    Token t = tokens.get(at);
    if (t.kind() != Kind.END) {
      at++;
    }
    return t;
  }

  boolean accept(Kind kind, String text) {
    boolean is = peek().is(kind, text);
    if (is) {
      next();
    }
    return is;
  }

  Token expect(Kind kind) {
    if (peek().kind() != kind) {
      throw unexpected();
    }
    return next();
  }

  void expect(Kind kind, String text) {
    if (!accept(kind, text)) {
      throw new TemplateException(
          peek().line(), "unexpected '%s', expected '%s'".formatted(peek().text(), text));
    }
  }

  TemplateException unexpected() {
    return new TemplateException(peek().line(), "unexpected '%s'".formatted(peek().text()));
  }
}

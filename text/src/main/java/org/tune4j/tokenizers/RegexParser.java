package org.tune4j.tokenizers;

import java.util.ArrayList;
import java.util.List;
import org.tune4j.tokenizers.RegexNode.Alone;
import org.tune4j.tokenizers.RegexNode.Alternatives;
import org.tune4j.tokenizers.RegexNode.Repeat;
import org.tune4j.tokenizers.RegexNode.Row;
import org.tune4j.tokenizers.RegexNode.Single;

/** Reads a regular expression in Onigurama's Ruby syntax, as far as its work hangs on it. */
final class RegexParser {
  private static final int MAX_DEPTH = 100;

  /** Other letters behind a backslash stand for a group, a place, or more than one character. */
  private static final String SINGLE_ESCAPES = "sSdDwWhHtnrfveaxuR";

  private static final String PLACES = "AbBGzZ";

  private final String regex;
  private int at;
  private int depth;
  private boolean ignoresCase;

  private RegexParser(String regex) {
    this.regex = regex;
  }

  /**
   * Reads an expression.
   *
   * @throws IllegalArgumentException for what is not known, such as back-references
   */
  static RegexNode parse(String regex) {
    RegexParser parser = new RegexParser(regex);
    RegexNode node = parser.alternatives();
    if (parser.at < regex.length()) {
      throw parser.unknown();
    }
    return node;
  }

  private IllegalArgumentException unknown() {
    return new IllegalArgumentException("at " + at);
  }

  private char peek() {
    return at < regex.length() ? regex.charAt(at) : '\0';
  }

  private boolean take(String text) {
    boolean there = regex.startsWith(text, at);
    at += there ? text.length() : 0;
    return there;
  }

  private RegexNode alternatives() {
    if (++depth > MAX_DEPTH) {
      throw unknown();
    }
    List<RegexNode> all = new ArrayList<>();
    do {
      List<RegexNode> row = new ArrayList<>();
      while (at < regex.length() && peek() != '|' && peek() != ')') {
        row.add(repeated(one()));
      }
      all.add(new Row(row));
    } while (take("|"));
    depth--;
    return all.size() == 1 ? all.get(0) : new Alternatives(all);
  }

  private RegexNode repeated(RegexNode body) {
    RegexNode node = body;
    while (true) {
      int min;
      int max = RegexNode.UNBOUNDED;
      if (take("*")) {
        min = 0;
      } else if (take("+")) {
        min = 1;
      } else if (take("?")) {
        min = 0;
        max = 1;
      } else {
        int end = regex.indexOf('}', at);
        String range = peek() == '{' && end > 0 ? regex.substring(at + 1, end) : "";
        if (!range.matches("[0-9]{1,5}(,[0-9]{0,5})?|,[0-9]{1,5}")) {
          return node;
        }
        at = end + 1;
        String[] ends = range.split(",", -1);
        min = ends[0].isEmpty() ? 0 : Integer.parseInt(ends[0]);
        if (ends.length == 1) {
          max = min;
        } else if (!ends[1].isEmpty()) {
          max = Integer.parseInt(ends[1]);
        }
        node = new Repeat(node, Math.min(min, max), Math.max(min, max));
        take("?");
        continue;
      }
      node = new Repeat(node, min, max);
      if (take("+")) {
        node = new Alone(node, false);
      } else {
        take("?");
      }
    }
  }

  private RegexNode one() {
    int from = at;
    char c = regex.charAt(at++);
    if (c == '(') {
      return group();
    }
    if (c == '[') {
      set();
      return single(from);
    }
    if (c == '^' || c == '$') {
      return new Alone(new Row(List.of()), true);
    }
    if (c != '\\') {
      at += Character.isHighSurrogate(c) ? 1 : 0;
      return c == '.' ? Single.ANY : single(from);
    }
    char escaped = peek();
    at++;
    if (PLACES.indexOf(escaped) >= 0) {
      return new Alone(new Row(List.of()), true);
    }
    if (escaped == 'p' || escaped == 'P') {
      int end = regex.indexOf('}', at);
      if (peek() != '{' || end < 0) {
        throw unknown();
      }
      at = end + 1;
    } else if (escaped == 'x' || escaped == 'u') {
      hexadecimal();
    } else if (escaped == '\0'
        || (Character.isLetterOrDigit(escaped) && SINGLE_ESCAPES.indexOf(escaped) < 0)) {
      throw unknown();
    }
    // Java's \h and \R mean other characters.
    return "hHR".indexOf(escaped) >= 0 ? Single.ANY : single(from);
  }

  private Single single(int from) {
    String source = regex.substring(from, at);
    // Java reads [:alpha:] as letters and colons.
    return ignoresCase || source.contains("[:") ? Single.ANY : new Single(source);
  }

  private void hexadecimal() {
    if (take("{")) {
      at = Math.max(at, regex.indexOf('}', at) + 1);
    } else {
      while (Character.digit(peek(), 16) >= 0) {
        at++;
      }
    }
  }

  /** Goes behind a set of characters, which may hold others. */
  private void set() {
    take("^");
    take("]");
    for (int open = 1; open > 0; at++) {
      char c = peek();
      if (at >= regex.length()) {
        throw unknown();
      }
      at += c == '\\' ? 1 : 0;
      open += c == '[' ? 1 : c == ']' ? -1 : 0;
    }
  }

  private RegexNode group() {
    boolean alone = take("?>");
    boolean place = take("?=") || take("?!") || take("?<=") || take("?<!");
    boolean before = ignoresCase;
    if (!alone && !place && take("?")) {
      int from = at;
      while (Character.isLetter(peek()) || peek() == '-' || peek() == '_' || peek() == '<') {
        at++;
      }
      String flags = regex.substring(from, at);
      if (flags.startsWith("<") ? !take(">") : !flags.matches("[imx-]*") || flags.contains("x")) {
        throw unknown();
      }
      ignoresCase |= !flags.startsWith("<") && flags.contains("i");
      if (peek() == ')') {
        at++;
        return new Row(List.of());
      }
      if (!flags.startsWith("<") && !take(":")) {
        throw unknown();
      }
    }
    RegexNode body = alternatives();
    ignoresCase = before;
    if (!take(")")) {
      throw unknown();
    }
    return alone || place ? new Alone(body, place) : body;
  }
}

package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tune4j.jinja.Token.Kind;

/**
 * Cuts a template into tokens. Line breaks after tags and blanks before them go as jinja2's {@code
 * trim_blocks} and {@code lstrip_blocks} say, and {@code -} or {@code +} beside a tag's bracket.
 */
final class Lexer {
  private static final Pattern NUMBER =
      Pattern.compile("\\d+(?:_\\d+)*((?:\\.\\d+(?:_\\d+)*)?(?:[eE][+-]?\\d+)?)");
  private static final Pattern NAME =
      Pattern.compile("[\\p{L}\\p{Nl}_][\\p{L}\\p{Nl}\\p{N}\\p{M}_]*");
  private static final Pattern OPERATOR =
      Pattern.compile("\\*\\*|//|[=!<>]=|[-+*/%~<>=()\\[\\]{},.:|]");
  private static final Pattern END_RAW = Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%\\}");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;

  /** Whether what comes next begins a line of the template. */
  private boolean lineStart = true;

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> lex(String template) {
    String source = template.replace("\r\n", "\n").replace('\r', '\n');
    if (source.endsWith("\n")) {
      source = source.substring(0, source.length() - 1);
    }
    Lexer lexer = new Lexer(source);
    while (lexer.at < source.length()) {
      lexer.dataAndTag();
    }
    lexer.tokens.add(new Token(Kind.END, "the template's end", lexer.line));
    return lexer.tokens;
  }

  private void dataAndTag() {
    int open = nextTag();
    if (open < 0) {
      data(source.substring(at));
      advance(source.length());
      return;
    }
    char kind = source.charAt(open + 1);
    String text = source.substring(at, open);
    char sign = open + 2 < source.length() ? source.charAt(open + 2) : ' ';
    if (sign == '-') {
      data(text.stripTrailing());
    } else if (kind != '{' && sign != '+') {
      data(withoutIndent(text));
    } else {
      data(text);
    }
    advance(open + 2 + (sign == '-' || sign == '+' ? 1 : 0));
    switch (kind) {
      case '#' -> comment();
      case '{' -> tag(Kind.VARIABLE_BEGIN, Kind.VARIABLE_END, "}}", false);
      default -> {
        if (!raw()) {
          tag(Kind.BLOCK_BEGIN, Kind.BLOCK_END, "%}", true);
        }
      }
    }
  }

  private int nextTag() {
    for (int i = source.indexOf('{', at); i >= 0 && i + 1 < source.length(); ) {
      if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
      i = source.indexOf('{', i + 1);
    }
    return -1;
  }

  private void data(String text) {
    if (!text.isEmpty()) {
      tokens.add(new Token(Kind.DATA, text, line));
    }
  }

  /** Blanks between the line's beginning and a tag. */
  private String withoutIndent(String text) {
    int from = text.lastIndexOf('\n') + 1;
    boolean onlyBlanks = text.substring(from).isBlank();
    return (from > 0 || lineStart) && onlyBlanks ? text.substring(0, from) : text;
  }

  private void advance(int to) {
    for (int i = at; i < to; i++) {
      if (source.charAt(i) == '\n') {
        line++;
      }
    }
    at = to;
  }

  private void comment() {
    int end = source.indexOf("#}", at);
    if (end < 0) {
      throw new TemplateException(line, "a comment has no #}");
    }
    char sign = end > at ? source.charAt(end - 1) : ' ';
    advance(end + 2);
    afterTag(sign, true);
  }

  /** What a tag takes from the text behind it. */
  private void afterTag(char sign, boolean trim) {
    int end = at;
    if (sign == '-') {
      while (end < source.length() && Character.isWhitespace(source.charAt(end))) {
        end++;
      }
    } else if (trim && sign != '+' && end < source.length() && source.charAt(end) == '\n') {
      end++;
    }
    advance(end);
    lineStart = source.charAt(at - 1) == '\n';
  }

  private boolean raw() {
    Matcher begin =
        Pattern.compile("\\s*raw\\s*([-+]?)%\\}").matcher(source).region(at, source.length());
    if (!begin.lookingAt()) {
      return false;
    }
    advance(begin.end());
    afterTag(begin.group(1).isEmpty() ? ' ' : begin.group(1).charAt(0), true);
    Matcher end = END_RAW.matcher(source);
    if (!end.find(at)) {
      throw new TemplateException(line, "raw has no endraw");
    }
    String text = source.substring(at, end.start());
    data(
        end.group(1).equals("-")
            ? text.stripTrailing()
            : end.group(1).equals("+") ? text : withoutIndent(text));
    advance(end.end());
    afterTag(end.group(2).isEmpty() ? ' ' : end.group(2).charAt(0), true);
    return true;
  }

  private void tag(Kind begin, Kind end, String close, boolean trim) {
    int opened = line;
    tokens.add(new Token(begin, close, line));
    int depth = 0;
    while (true) {
      while (at < source.length() && Character.isWhitespace(source.charAt(at))) {
        advance(at + 1);
      }
      if (at >= source.length()) {
        throw new TemplateException(opened, "a tag has no " + close);
      }
      char c = source.charAt(at);
      if (depth == 0) {
        int sign = (c == '-' || c == '+') && source.startsWith(close, at + 1) ? 1 : 0;
        if (source.startsWith(close, at + sign)) {
          tokens.add(new Token(end, close, line));
          advance(at + sign + 2);
          afterTag(sign == 1 ? c : ' ', trim);
          return;
        }
      }
      if ("([{".indexOf(c) >= 0) {
        depth++;
      } else if (")]}".indexOf(c) >= 0) {
        depth--;
      }
      token(c);
    }
  }

  private void token(char c) {
    if (c == '"' || c == '\'') {
      string(c);
      return;
    }
    Matcher m = NUMBER.matcher(source).region(at, source.length());
    if (m.lookingAt()) {
      add(m.group(1).isEmpty() ? Kind.INTEGER : Kind.FLOAT, m.group().replace("_", ""), m.end());
      return;
    }
    m = NAME.matcher(source).region(at, source.length());
    if (m.lookingAt()) {
      add(Kind.NAME, m.group(), m.end());
      return;
    }
    m = OPERATOR.matcher(source).region(at, source.length());
    if (!m.lookingAt()) {
      throw new TemplateException(line, "unexpected character '" + c + "'");
    }
    add(Kind.OPERATOR, m.group(), m.end());
  }

  private void add(Kind kind, String text, int end) {
    tokens.add(new Token(kind, text, line));
    advance(end);
  }

  private void string(char quote) {
    StringBuilder text = new StringBuilder();
    int i = at + 1;
    while (i < source.length() && source.charAt(i) != quote) {
      char c = source.charAt(i++);
      if (c != '\\' || i == source.length()) {
        text.append(c);
        continue;
      }
      char e = source.charAt(i++);
      int plain = "ntrbfav0\\'\"".indexOf(e);
      if (plain >= 0) {
        text.append("\n\t\r\b\f\u0007\u000b\0\\'\"".charAt(plain));
      } else if (e == 'x' || e == 'u' || e == 'U') {
        int digits = e == 'x' ? 2 : e == 'u' ? 4 : 8;
        try {
          text.appendCodePoint(Integer.parseInt(source.substring(i, i + digits), 16));
        } catch (IllegalArgumentException | IndexOutOfBoundsException x) {
          throw new TemplateException(line, "\\" + e + " is not followed by " + digits + " digits");
        }
        i += digits;
      } else if (e != '\n') {
        text.append(c).append(e);
      }
    }
    if (i >= source.length()) {
      throw new TemplateException(line, "a string has no closing " + quote);
    }
    add(Kind.STRING, text.toString(), i + 1);
  }
}

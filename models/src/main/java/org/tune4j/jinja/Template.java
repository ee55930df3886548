package org.tune4j.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A parsed template. Safe for several threads. */
public final class Template {
  private final List<Statement> body;

  private Template(List<Statement> body) {
    this.body = body;
  }

  /**
   * Parses a template.
   *
   * @param source Jinja, read with {@code trim_blocks} and {@code lstrip_blocks} as transformers
   *     does
   * @return a template that can be rendered any number of times
   * @throws TemplateException with the line where it cannot be read
   */
  public static Template parse(String source) {
    try {
      return new Template(new Parser(Lexer.lex(source)).template());
    } catch (StackOverflowError e) {
      throw tooDeep();
    }
  }

  /**
   * Renders it.
   *
   * @param values strings, booleans, numbers, and lists and maps of these, by name; null is {@code
   *     None}
   * @return the text
   * @throws TemplateException with the line, where the template refuses the values or cannot use
   *     them
   */
  public String render(Map<String, ?> values) {
    Map<String, Object> names = new HashMap<>(Functions.GLOBAL);
    values.forEach((name, value) -> names.put(name, Values.of(value)));
    Output out = new Output();
    try {
      Statement.runAll(body, Frame.of(names).inner(), out);
    } catch (StackOverflowError e) {
      throw tooDeep();
    }
    return out.toString();
  }

  /** Chains such as {@code a + a + a} are as deep as they are long. */
  private static TemplateException tooDeep() {
    return new TemplateException("the template is nested too deep");
  }
}

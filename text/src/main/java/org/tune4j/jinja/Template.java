package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A parsed template. Safe for several threads. */
public final class Template {
  private final List<Statement> body;
  private final boolean hasGeneration;

  private Template(List<Statement> body, boolean hasGeneration) {
    this.body = body;
    this.hasGeneration = hasGeneration;
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
      Parser parser = new Parser(Lexer.lex(source));
      return new Template(parser.template(), parser.hasGeneration());
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
    return render(values, "").text();
  }

  /**
   * Renders it and traces the items of a list.
   *
   * @param values strings, booleans, numbers, and lists and maps of these, by name; null is {@code
   *     None}
   * @param traced the name of a list of maps among the values, of whose items the rendering tells
   *     what became of them
   * @return the text, and where its parts come from
   * @throws TemplateException with the line, where the template refuses the values or cannot use
   *     them
   */
  public Rendering render(Map<String, ?> values, String traced) {
    Map<String, Object> given = new LinkedHashMap<>();
    values.forEach((name, value) -> given.put(name, Values.of(value)));
    List<ReadMap<Object>> items = new ArrayList<>();
    if (given.get(traced) instanceof List<?> list) {
      list.forEach(item -> items.add(new ReadMap<>((Map<?, ?>) item)));
      given.put(traced, items);
    }
    ReadMap<String> names = new ReadMap<>(given);
    Output out = new Output();
    try {
      Statement.runAll(body, Frame.of(Functions.GLOBAL, names), out);
    } catch (StackOverflowError e) {
      throw tooDeep();
    }
    return new Rendering(
        out.toString(),
        items.stream().map(i -> new Rendering.Item(out.printed(i), i.unread())).toList(),
        hasGeneration ? out.generated() : null,
        names.unread());
  }

  /** Chains such as {@code a + a + a} are as deep as they are long. */
  private static TemplateException tooDeep() {
    return new TemplateException("the template is nested too deep");
  }
}

package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.jinja.Statement.Flow;
import org.tune4j.jinja.Token.Kind;

/** Tags and text: a template's statements. */
final class Parser {
  private static final int MAX_DEPTH = 200;

  private final Tokens tokens;
  private final ExpressionParser expressions;
  private int depth;
  private boolean hasGeneration;

  Parser(List<Token> tokens) {
    this.tokens = new Tokens(tokens);
    this.expressions = new ExpressionParser(this.tokens);
  }

  List<Statement> template() {
    List<Statement> body = body(Set.of());
    if (tokens.peek().kind() != Kind.END) {
      throw tokens.unexpected();
    }
    return body;
  }

  /** Whether a {@code generation} tag was read. */
  boolean hasGeneration() {
    return hasGeneration;
  }

  /** Statements up to one of these tags, whose name is left to be read; its bracket is not. */
  private List<Statement> body(Set<String> ends) {
    if (++depth > MAX_DEPTH) {
      throw new TemplateException(tokens.peek().line(), "tags are nested too deep");
    }
    List<Statement> out = new ArrayList<>();
    while (tokens.peek().kind() != Kind.END) {
      Token t = tokens.next();
      switch (t.kind()) {
        case DATA -> {
          String text = t.text();
          out.add(
              (frame, to) -> {
                to.append(text);
                return Flow.NEXT;
              });
        }
        case VARIABLE_BEGIN -> {
          Expression e = expressions.tuple();
          tokens.expect(Kind.VARIABLE_END);
          out.add(
              located(
                  t.line(),
                  (frame, to) -> {
                    to.append(Values.text(e.evaluate(frame)));
                    return Flow.NEXT;
                  }));
        }
        case BLOCK_BEGIN -> {
          if (ends.contains(tokens.peek().text())) {
            depth--;
            return out;
          }
          out.add(located(t.line(), tag(tokens.expect(Kind.NAME))));
        }
        default -> throw tokens.unexpected();
      }
    }
    if (!ends.isEmpty()) {
      throw new TemplateException(
          tokens.peek().line(), "a tag is not closed; expected " + String.join(" or ", ends));
    }
    depth--;
    return out;
  }

  private static Statement located(int line, Statement s) {
    return (frame, out) -> {
      try {
        return s.run(frame, out);
      } catch (TemplateException e) {
        throw e.at(line);
      }
    };
  }

  private Statement tag(Token name) {
    return switch (name.text()) {
      case "if" -> conditional();
      case "for" -> loop();
      case "set" -> assignment();
      case "macro" -> macro();
      case "call" -> callBlock();
      case "filter" -> filterBlock();
      case "with" -> with();
      case "generation" -> {
        blockEnd();
        hasGeneration = true;
        List<Statement> body = bodyTo("endgeneration");
        yield (frame, out) -> {
          int from = out.length();
          Flow flow = Statement.runAll(body, frame, out);
          out.generated(from);
          return flow;
        };
      }
      case "break" -> {
        blockEnd();
        yield (frame, out) -> Flow.BREAK;
      }
      case "continue" -> {
        blockEnd();
        yield (frame, out) -> Flow.CONTINUE;
      }
      default -> throw new TemplateException(name.line(), "tag '" + name.text() + "' is not known");
    };
  }

  private void blockEnd() {
    tokens.expect(Kind.BLOCK_END);
  }

  private List<Statement> bodyTo(String end) {
    List<Statement> body = body(Set.of(end));
    tokens.next();
    blockEnd();
    return body;
  }

  private Statement conditional() {
    List<Expression> tests = new ArrayList<>();
    List<List<Statement>> bodies = new ArrayList<>();
    List<Statement> otherwise = List.of();
    tests.add(expressions.tuple());
    blockEnd();
    while (true) {
      bodies.add(body(Set.of("elif", "else", "endif")));
      String end = tokens.next().text();
      if (end.equals("elif")) {
        tests.add(expressions.tuple());
        blockEnd();
        continue;
      }
      blockEnd();
      if (end.equals("else")) {
        otherwise = bodyTo("endif");
      }
      break;
    }
    List<Statement> last = otherwise;
    return (frame, out) -> {
      for (int i = 0; i < tests.size(); i++) {
        if (Values.truth(tests.get(i).evaluate(frame))) {
          return Statement.runAll(bodies.get(i), frame, out);
        }
      }
      return Statement.runAll(last, frame, out);
    };
  }

  private Statement loop() {
    Target target = target();
    tokens.expect(Kind.NAME, "in");
    Expression items = expressions.tupleWithoutCondition();
    Expression keep = tokens.accept(Kind.NAME, "if") ? expressions.expression() : frame -> true;
    blockEnd();
    List<Statement> body = body(Set.of("else", "endfor"));
    List<Statement> otherwise = List.of();
    boolean hasElse = tokens.next().text().equals("else");
    blockEnd();
    if (hasElse) {
      otherwise = bodyTo("endfor");
    }
    return new ForLoop(target, items, keep, body, otherwise);
  }

  /** What an assignment or loop writes to. */
  interface Target {
    void assign(Frame frame, Object value);
  }

  private Target target() {
    boolean bracket = tokens.accept(Kind.OPERATOR, "(");
    List<Target> targets = new ArrayList<>();
    boolean tuple = false;
    do {
      targets.add(name());
      if (!tokens.peek().is(Kind.OPERATOR, ",")) {
        break;
      }
      tuple = true;
    } while (tokens.accept(Kind.OPERATOR, ","));
    if (bracket) {
      tokens.expect(Kind.OPERATOR, ")");
    }
    if (!tuple) {
      return targets.get(0);
    }
    return (frame, value) -> {
      List<Object> parts = Values.items(value);
      if (parts.size() != targets.size()) {
        throw new TemplateException(
            "%d values cannot be given to %d names".formatted(parts.size(), targets.size()));
      }
      for (int i = 0; i < targets.size(); i++) {
        targets.get(i).assign(frame, parts.get(i));
      }
    };
  }

  private Target name() {
    String name = tokens.expect(Kind.NAME).text();
    if (!tokens.accept(Kind.OPERATOR, ".")) {
      return (frame, value) -> frame.set(name, value);
    }
    String attribute = tokens.expect(Kind.NAME).text();
    return (frame, value) -> {
      if (!(frame.get(name) instanceof Namespace n)) {
        throw new TemplateException(
            "cannot assign to '%s', which is not a namespace".formatted(name));
      }
      n.attributes().put(attribute, value);
    };
  }

  private Statement assignment() {
    Target target = target();
    if (tokens.accept(Kind.OPERATOR, "=")) {
      Expression value = expressions.tuple();
      blockEnd();
      return (frame, out) -> {
        target.assign(frame, value.evaluate(frame));
        return Flow.NEXT;
      };
    }
    Expression filtered = expressions.filters(frame -> frame.get(BODY));
    blockEnd();
    List<Statement> body = bodyTo("endset");
    return (frame, out) -> {
      target.assign(frame, filtered.evaluate(withBody(frame, render(body, frame.inner()))));
      return Flow.NEXT;
    };
  }

  /** A name that no template can write: what a tag's body gave, for the filters on the tag. */
  private static final String BODY = "{body}";

  private static Frame withBody(Frame frame, String body) {
    Frame inner = frame.inner();
    inner.set(BODY, body);
    return inner;
  }

  private static String render(List<Statement> body, Frame frame) {
    Output out = new Output();
    Statement.runAll(body, frame, out);
    return out.toString();
  }

  private Statement filterBlock() {
    Expression filtered = expressions.filterChain(frame -> frame.get(BODY));
    blockEnd();
    List<Statement> body = bodyTo("endfilter");
    return (frame, out) -> {
      out.append(Values.text(filtered.evaluate(withBody(frame, render(body, frame.inner())))));
      return Flow.NEXT;
    };
  }

  private Statement with() {
    Map<Target, Expression> values = new LinkedHashMap<>();
    while (tokens.peek().kind() != Kind.BLOCK_END) {
      Target target = name();
      tokens.expect(Kind.OPERATOR, "=");
      values.put(target, expressions.expression());
      tokens.accept(Kind.OPERATOR, ",");
    }
    blockEnd();
    List<Statement> body = bodyTo("endwith");
    return (frame, out) -> {
      Frame inner = frame.inner();
      values.forEach((t, e) -> t.assign(inner, e.evaluate(frame)));
      return Statement.runAll(body, inner, out);
    };
  }

  private Statement macro() {
    String name = tokens.expect(Kind.NAME).text();
    tokens.expect(Kind.OPERATOR, "(");
    Map<String, @Nullable Expression> parameters = parameters();
    blockEnd();
    List<Statement> body = bodyTo("endmacro");
    return (frame, out) -> {
      frame.set(name, new Macro(name, parameters, body, frame));
      return Flow.NEXT;
    };
  }

  private Map<String, @Nullable Expression> parameters() {
    Map<String, @Nullable Expression> parameters = new LinkedHashMap<>();
    while (!tokens.accept(Kind.OPERATOR, ")")) {
      String parameter = tokens.expect(Kind.NAME).text();
      parameters.put(
          parameter, tokens.accept(Kind.OPERATOR, "=") ? expressions.expression() : null);
      if (!tokens.peek().is(Kind.OPERATOR, ")")) {
        tokens.expect(Kind.OPERATOR, ",");
      }
    }
    return parameters;
  }

  private Statement callBlock() {
    Map<String, @Nullable Expression> parameters =
        tokens.accept(Kind.OPERATOR, "(") ? parameters() : Map.of();
    Expression call = expressions.callWithCaller();
    blockEnd();
    List<Statement> body = bodyTo("endcall");
    return (frame, out) -> {
      Frame inner = frame.inner();
      inner.set(ExpressionParser.CALLER, new Macro("caller", parameters, body, frame));
      out.append(Values.text(call.evaluate(inner)));
      return Flow.NEXT;
    };
  }
}

package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.jinja.Token.Kind;

/**
 * What operators join: literals, names, lists, maps and brackets, with the attributes, items,
 * calls, filters and tests behind them.
 */
final class OperandParser {
  private final Tokens tokens;
  private final ExpressionParser expressions;

  OperandParser(Tokens tokens, ExpressionParser expressions) {
    this.tokens = tokens;
    this.expressions = expressions;
  }

  /** With its attributes, items and calls, and without filters. */
  Expression operand() {
    return postfix(primary());
  }

  private Expression primary() {
    Token t = tokens.next();
    switch (t.kind()) {
      case NAME -> {
        return switch (t.text()) {
          case "true", "True" -> frame -> true;
          case "false", "False" -> frame -> false;
          case "none", "None" -> frame -> None.NONE;
          default -> frame -> frame.get(t.text());
        };
      }
      case STRING -> {
        StringBuilder text = new StringBuilder(t.text());
        while (tokens.peek().kind() == Kind.STRING) {
          text.append(tokens.next().text());
        }
        String s = text.toString();
        return frame -> s;
      }
      case INTEGER -> {
        long n = integer(t);
        return frame -> n;
      }
      case FLOAT -> {
        double d = Double.parseDouble(t.text());
        return frame -> d;
      }
      default -> {}
    }
    return switch (t.kind() == Kind.OPERATOR ? t.text() : "") {
      case "(" -> bracket();
      case "[" -> ExpressionParser.list(itemsUntil("]"));
      case "{" -> map();
      default -> throw new TemplateException(t.line(), "unexpected '%s'".formatted(t.text()));
    };
  }

  private static long integer(Token t) {
    try {
      return Long.parseLong(t.text());
    } catch (NumberFormatException e) {
      throw new TemplateException(t.line(), t.text() + " is too large");
    }
  }

  private Expression bracket() {
    if (tokens.accept(Kind.OPERATOR, ")")) {
      return frame -> List.of();
    }
    Expression e = expressions.tuple();
    tokens.expect(Kind.OPERATOR, ")");
    return e;
  }

  private List<Expression> itemsUntil(String close) {
    List<Expression> items = new ArrayList<>();
    while (!tokens.accept(Kind.OPERATOR, close)) {
      items.add(expressions.expression());
      if (!tokens.peek().is(Kind.OPERATOR, close)) {
        tokens.expect(Kind.OPERATOR, ",");
      }
    }
    return items;
  }

  private Expression map() {
    Map<Expression, Expression> entries = new LinkedHashMap<>();
    while (!tokens.accept(Kind.OPERATOR, "}")) {
      Expression key = expressions.expression();
      tokens.expect(Kind.OPERATOR, ":");
      entries.put(key, expressions.expression());
      if (!tokens.peek().is(Kind.OPERATOR, "}")) {
        tokens.expect(Kind.OPERATOR, ",");
      }
    }
    return frame -> {
      Map<Object, Object> values = new LinkedHashMap<>();
      entries.forEach((k, v) -> values.put(Values.key(k.evaluate(frame)), v.evaluate(frame)));
      return values;
    };
  }

  /** Attributes, items and calls of what came before, any number of them. */
  private Expression postfix(Expression start) {
    Expression e = start;
    while (true) {
      Token t = tokens.peek();
      Expression of = e;
      if (tokens.accept(Kind.OPERATOR, ".")) {
        Token name = tokens.next();
        if (name.kind() == Kind.INTEGER) {
          long index = integer(name);
          e = frame -> Attributes.item(of.evaluate(frame), index);
        } else if (name.kind() == Kind.NAME) {
          e = located(t.line(), frame -> Attributes.attribute(of.evaluate(frame), name.text()));
        } else {
          throw new TemplateException(name.line(), "unexpected '%s'".formatted(name.text()));
        }
      } else if (tokens.accept(Kind.OPERATOR, "[")) {
        e = located(t.line(), subscript(of));
      } else if (tokens.accept(Kind.OPERATOR, "(")) {
        e = located(t.line(), call(of, arguments()));
      } else {
        return e;
      }
    }
  }

  private static Expression located(int line, Expression e) {
    return frame -> {
      try {
        return e.evaluate(frame);
      } catch (TemplateException x) {
        throw x.at(line);
      }
    };
  }

  private Expression subscript(Expression of) {
    @Nullable Expression[] bounds = new Expression[3];
    int n = 0;
    boolean slice = false;
    while (!tokens.accept(Kind.OPERATOR, "]")) {
      if (tokens.accept(Kind.OPERATOR, ":")) {
        slice = true;
        n++;
      } else if (n < 3) {
        bounds[n] = expressions.tuple();
      }
      if (n > 2) {
        throw tokens.unexpected();
      }
    }
    Expression from = bounds[0];
    if (slice) {
      Expression to = bounds[1];
      Expression step = bounds[2];
      return frame -> {
        Object whole = of.evaluate(frame);
        frame.work(whole);
        return Attributes.slice(whole, value(from, frame), value(to, frame), value(step, frame));
      };
    }
    if (from == null) {
      throw tokens.unexpected();
    }
    return frame -> Attributes.item(of.evaluate(frame), from.evaluate(frame));
  }

  private static Object value(@Nullable Expression e, Frame frame) {
    return e == null ? None.NONE : e.evaluate(frame);
  }

  /** Arguments in order and by name. */
  private record Arguments(List<Expression> inOrder, Map<String, Expression> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    List<Object> inOrder(Frame frame) {
      List<Object> values = new ArrayList<>(inOrder.size());
      inOrder.forEach(a -> values.add(a.evaluate(frame)));
      return values;
    }

    Map<String, Object> named(Frame frame) {
      Map<String, Object> values = new LinkedHashMap<>();
      named.forEach((k, a) -> values.put(k, a.evaluate(frame)));
      return values;
    }
  }

  private Arguments arguments() {
    List<Expression> inOrder = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    while (!tokens.accept(Kind.OPERATOR, ")")) {
      Token t = tokens.peek();
      Expression e = expressions.expression();
      if (t.kind() == Kind.NAME && tokens.accept(Kind.OPERATOR, "=")) {
        named.put(t.text(), expressions.expression());
      } else {
        inOrder.add(e);
      }
      if (!tokens.peek().is(Kind.OPERATOR, ")")) {
        tokens.expect(Kind.OPERATOR, ",");
      }
    }
    return new Arguments(inOrder, named);
  }

  private static Expression call(Expression function, Arguments arguments) {
    return frame -> {
      Object f = function.evaluate(frame);
      List<Object> inOrder = arguments.inOrder(frame);
      Map<String, Object> named = arguments.named(frame);
      Object caller = frame.get(ExpressionParser.CALLER);
      if (f instanceof Macro m) {
        if (caller instanceof Macro) {
          named.put("caller", caller);
        }
        return m.call(inOrder, named, frame.depth());
      }
      if (f instanceof Callable c) {
        inOrder.forEach(frame::work);
        Object result = c.call(new Given(inOrder), named);
        frame.work(result);
        return result;
      }
      throw new TemplateException(
          f instanceof Undefined u ? u.what() : "a " + Values.typeName(f) + " cannot be called");
    };
  }

  /** {@code | filter} and {@code is test}, any number of them. */
  Expression filters(Expression start) {
    Expression e = start;
    while (true) {
      Token t = tokens.peek();
      if (tokens.accept(Kind.OPERATOR, "|")) {
        e = located(t.line(), filter(e));
      } else if (tokens.accept(Kind.NAME, "is")) {
        e = located(t.line(), test(e));
      } else if (tokens.accept(Kind.OPERATOR, "(")) {
        e = located(t.line(), call(e, arguments()));
      } else {
        return e;
      }
    }
  }

  /** A {@code filter} tag's filters: the first without its bar. */
  Expression filterChain(Expression start) {
    return filters(filter(start));
  }

  private Expression filter(Expression value) {
    Token name = tokens.expect(Kind.NAME);
    Arguments arguments = tokens.accept(Kind.OPERATOR, "(") ? arguments() : Arguments.NONE;
    return frame ->
        Filters.apply(
            name.text(),
            value.evaluate(frame),
            new Filters.Args(arguments.inOrder(frame), arguments.named(frame), frame.limits()));
  }

  private Expression test(Expression value) {
    boolean negated = tokens.accept(Kind.NAME, "not");
    Token name = tokens.expect(Kind.NAME);
    Arguments arguments = Arguments.NONE;
    if (tokens.accept(Kind.OPERATOR, "(")) {
      arguments = arguments();
    } else if (startsTestArgument()) {
      arguments = new Arguments(List.of(operand()), Map.of());
    }
    Arguments a = arguments;
    return frame -> {
      Object tested = value.evaluate(frame);
      frame.work(tested);
      return Tests.holds(name.text(), tested, a.inOrder(frame)) != negated;
    };
  }

  private boolean startsTestArgument() {
    Token t = tokens.peek();
    return switch (t.kind()) {
      case STRING, INTEGER, FLOAT -> true;
      case NAME -> !Set.of("else", "or", "and", "if", "is", "not", "in").contains(t.text());
      case OPERATOR -> Set.of("[", "{").contains(t.text());
      default -> false;
    };
  }
}

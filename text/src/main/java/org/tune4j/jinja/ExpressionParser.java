package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.jinja.Token.Kind;

/** Expressions, each rule binding tighter than the one before it, as in jinja2. */
final class ExpressionParser {
  /** A name that no template can write: the body of a {@code call} tag. */
  static final String CALLER = "{caller}";

  private static final int MAX_DEPTH = 200;
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final Tokens tokens;
  private int depth;

  ExpressionParser(Tokens tokens) {
    this.tokens = tokens;
  }

  /** One expression, or several with commas between: a tuple. */
  Expression tuple() {
    return tuple(this::expression);
  }

  /** What a loop goes over: its {@code if} is the loop's. */
  Expression tupleWithoutCondition() {
    return tuple(this::or);
  }

  private Expression tuple(java.util.function.Supplier<Expression> part) {
    Expression first = part.get();
    if (!tokens.peek().is(Kind.OPERATOR, ",")) {
      return first;
    }
    List<Expression> items = new ArrayList<>(List.of(first));
    while (tokens.accept(Kind.OPERATOR, ",") && startsExpression()) {
      items.add(part.get());
    }
    return list(items);
  }

  private boolean startsExpression() {
    Token t = tokens.peek();
    return switch (t.kind()) {
      case NAME, STRING, INTEGER, FLOAT -> true;
      case OPERATOR -> Set.of("(", "[", "{", "-", "+").contains(t.text());
      default -> false;
    };
  }

  private static Expression list(List<Expression> items) {
    return frame -> {
      List<Object> values = new ArrayList<>(items.size());
      items.forEach(i -> values.add(i.evaluate(frame)));
      return values;
    };
  }

  Expression expression() {
    if (++depth > MAX_DEPTH) {
      throw new TemplateException(tokens.peek().line(), "expressions are nested too deep");
    }
    Expression value = or();
    while (tokens.accept(Kind.NAME, "if")) {
      Expression then = value;
      Expression test = or();
      Expression otherwise =
          tokens.accept(Kind.NAME, "else")
              ? expression()
              : frame -> new Undefined("the inline if has no else");
      value =
          frame ->
              Values.truth(test.evaluate(frame)) ? then.evaluate(frame) : otherwise.evaluate(frame);
    }
    depth--;
    return value;
  }

  private Expression or() {
    Expression left = and();
    while (tokens.accept(Kind.NAME, "or")) {
      Expression l = left;
      Expression r = and();
      left =
          frame -> {
            Object value = l.evaluate(frame);
            return Values.truth(value) ? value : r.evaluate(frame);
          };
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (tokens.accept(Kind.NAME, "and")) {
      Expression l = left;
      Expression r = not();
      left =
          frame -> {
            Object value = l.evaluate(frame);
            return Values.truth(value) ? r.evaluate(frame) : value;
          };
    }
    return left;
  }

  private Expression not() {
    boolean negated = false;
    while (tokens.accept(Kind.NAME, "not")) {
      negated = !negated;
      if (!tokens.peek().is(Kind.NAME, "not")) {
        Expression e = comparison();
        boolean n = negated;
        return frame -> Values.truth(e.evaluate(frame)) != n;
      }
    }
    return comparison();
  }

  /** {@code a < b < c} holds where both do. */
  private Expression comparison() {
    Expression first = sum();
    List<String> operators = new ArrayList<>();
    List<Expression> operands = new ArrayList<>();
    while (true) {
      Token t = tokens.peek();
      if (t.kind() == Kind.OPERATOR && COMPARISONS.contains(t.text())) {
        operators.add(tokens.next().text());
      } else if (tokens.accept(Kind.NAME, "in")) {
        operators.add("in");
      } else if (tokens.accept(Kind.NAME, "not")) {
        tokens.expect(Kind.NAME, "in");
        operators.add("not in");
      } else {
        break;
      }
      operands.add(sum());
    }
    if (operators.isEmpty()) {
      return first;
    }
    return frame -> {
      Object left = first.evaluate(frame);
      for (int i = 0; i < operators.size(); i++) {
        Object right = operands.get(i).evaluate(frame);
        frame.work(left);
        frame.work(right);
        if (!Operators.compare(operators.get(i), left, right)) {
          return false;
        }
        left = right;
      }
      return true;
    };
  }

  private Expression sum() {
    return binary(Set.of("+", "-"), () -> binary(Set.of("~"), this::product));
  }

  private Expression product() {
    return binary(Set.of("*", "/", "//", "%"), () -> binary(Set.of("**"), () -> unary(true)));
  }

  private Expression binary(
      Set<String> operators, java.util.function.Supplier<Expression> operand) {
    Expression left = operand.get();
    while (tokens.peek().kind() == Kind.OPERATOR && operators.contains(tokens.peek().text())) {
      String operator = tokens.next().text();
      Expression l = left;
      Expression r = operand.get();
      left =
          frame -> {
            Object result = Operators.apply(operator, l.evaluate(frame), r.evaluate(frame));
            frame.work(result);
            return result;
          };
    }
    return left;
  }

  private Expression unary(boolean withFilters) {
    Expression e;
    Token t = tokens.peek();
    if (tokens.accept(Kind.OPERATOR, "-") || tokens.accept(Kind.OPERATOR, "+")) {
      if (++depth > MAX_DEPTH) {
        throw new TemplateException(t.line(), "expressions are nested too deep");
      }
      Expression operand = unary(false);
      depth--;
      e =
          t.text().equals("-")
              ? frame -> Operators.apply("-", 0L, operand.evaluate(frame))
              : operand;
    } else {
      e = postfix(primary());
    }
    return withFilters ? filters(e) : e;
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
      case "[" -> list(itemsUntil("]"));
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
    Expression e = tuple();
    tokens.expect(Kind.OPERATOR, ")");
    return e;
  }

  private List<Expression> itemsUntil(String close) {
    List<Expression> items = new ArrayList<>();
    while (!tokens.accept(Kind.OPERATOR, close)) {
      items.add(expression());
      if (!tokens.peek().is(Kind.OPERATOR, close)) {
        tokens.expect(Kind.OPERATOR, ",");
      }
    }
    return items;
  }

  private Expression map() {
    Map<Expression, Expression> entries = new LinkedHashMap<>();
    while (!tokens.accept(Kind.OPERATOR, "}")) {
      Expression key = expression();
      tokens.expect(Kind.OPERATOR, ":");
      entries.put(key, expression());
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
        bounds[n] = tuple();
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
      Expression e = expression();
      if (t.kind() == Kind.NAME && tokens.accept(Kind.OPERATOR, "=")) {
        named.put(t.text(), expression());
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
      Object caller = frame.get(CALLER);
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

  /** The call of a {@code call} tag. */
  Expression callWithCaller() {
    return unary(false);
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
      arguments = new Arguments(List.of(postfix(primary())), Map.of());
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

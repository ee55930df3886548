package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.tune4j.jinja.Token.Kind;

/** Expressions, each rule binding tighter than the one before it, as in jinja2. */
final class ExpressionParser {
  /** A name that no template can write: the body of a {@code call} tag. */
  static final String CALLER = "{caller}";

  private static final int MAX_DEPTH = 200;
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final Tokens tokens;
  private final OperandParser operands;
  private int depth;

  ExpressionParser(Tokens tokens) {
    this.tokens = tokens;
    this.operands = new OperandParser(tokens, this);
  }

  /** One expression, or several with commas between: a tuple. */
  Expression tuple() {
    return tuple(this::expression);
  }

  /** What a loop goes over: its {@code if} is the loop's. */
  Expression tupleWithoutCondition() {
    return tuple(this::or);
  }

  private Expression tuple(Supplier<Expression> part) {
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

  static Expression list(List<Expression> items) {
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

  private Expression binary(Set<String> operators, Supplier<Expression> operand) {
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
      e = operands.operand();
    }
    return withFilters ? operands.filters(e) : e;
  }

  /** The call of a {@code call} tag. */
  Expression callWithCaller() {
    return unary(false);
  }

  /** {@code | filter} and {@code is test}, any number of them. */
  Expression filters(Expression start) {
    return operands.filters(start);
  }

  /** A {@code filter} tag's filters: the first without its bar. */
  Expression filterChain(Expression start) {
    return operands.filterChain(start);
  }
}

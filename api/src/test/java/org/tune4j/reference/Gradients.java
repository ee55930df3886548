package org.tune4j.reference;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.tune4j.reference.Tape.Rule;
import org.tune4j.spi.Backend.Binary;
import org.tune4j.spi.Backend.Unary;

/**
 * The gradient rule of every primitive. {@code g} is the result's gradient, {@code y} the result.
 */
final class Gradients {
  private Gradients() {}

  // Views and copies

  static Rule reshape(Strided x) {
    return g -> List.of(g.reshape(x.sizes));
  }

  static Rule transpose(int a, int b) {
    return g -> List.of(g.transpose(a, b));
  }

  static Rule narrow(Strided x, int dim, int start) {
    return g -> {
      Strided out = Strided.zeros(x.dtype, x.sizes);
      out.narrow(dim, start, g.sizes[dim]).fill(g);
      return List.of(out);
    };
  }

  static Rule expand(Strided x) {
    return g -> List.of(Maths.sumTo(g, x.sizes));
  }

  static Rule same() {
    return List::of;
  }

  static Rule cast(Strided x) {
    return g -> List.of(Maths.cast(g, x.dtype));
  }

  static Rule cat(List<Strided> parts, int dim) {
    return g -> {
      List<Strided> out = new ArrayList<>();
      int at = 0;
      for (Strided p : parts) {
        out.add(g.narrow(dim, at, p.sizes[dim]));
        at += p.sizes[dim];
      }
      return out;
    };
  }

  // Arithmetic

  static Rule unary(Unary op, Strided x, Strided y) {
    return switch (op) {
      case NEG -> g -> List.of(Maths.map(g, v -> -v));
      case EXP -> g -> List.of(mul(g, y));
      case LOG -> g -> List.of(div(g, x));
      case SQRT -> g -> List.of(div(g, Maths.map(y, v -> 2 * v)));
      case SIGMOID -> g -> List.of(mul(g, Maths.map(y, v -> v * (1 - v))));
      case TANH -> g -> List.of(mul(g, Maths.map(y, v -> 1 - v * v)));
    };
  }

  static Rule binary(Binary op, Strided a, Strided b, Strided y) {
    return switch (op) {
      case ADD -> g -> sumTo(a, g, b, g);
      case SUB -> g -> sumTo(a, g, b, Maths.map(g, v -> -v));
      case MUL -> g -> sumTo(a, mul(g, b), b, mul(g, a));
      case DIV -> g -> sumTo(a, div(g, b), b, div(mul(g, Maths.map(y, v -> -v)), b));
    };
  }

  private static List<Strided> sumTo(Strided a, Strided ga, Strided b, Strided gb) {
    return List.of(Maths.sumTo(ga, a.sizes), Maths.sumTo(gb, b.sizes));
  }

  static Rule binary(Binary op, double s) {
    return switch (op) {
      case ADD, SUB -> same();
      case MUL -> g -> List.of(Maths.map(g, v -> v * s));
      case DIV -> g -> List.of(Maths.map(g, v -> v / s));
    };
  }

  static Rule sum(Strided x) {
    return g -> List.of(g.expand(x.sizes));
  }

  static Rule max(Strided x, int dim) {
    int[] which = Maths.argMax(x, dim);
    int[] sizes = x.sizes;
    return g -> List.of(Maths.scatter(sizes, dim, g, which));
  }

  static Rule matmul(Strided a, Strided b) {
    int r = a.sizes.length;
    return g ->
        List.of(
            Maths.matmul(g, b.transpose(r - 2, r - 1)), Maths.matmul(a.transpose(r - 2, r - 1), g));
  }

  static Rule indexSelect(Strided x, Strided indices) {
    long[] index = indices.longs();
    return g -> List.of(Maths.addRows(x.sizes, g, index));
  }

  static Rule gather(Strided x, Strided indices) {
    int[] which = Arrays.stream(indices.longs()).mapToInt(v -> (int) v).toArray();
    return g -> List.of(Maths.scatter(x.sizes, 1, g, which));
  }

  private static Strided mul(Strided a, Strided b) {
    return Maths.binary(Binary.MUL, a, b);
  }

  private static Strided div(Strided a, Strided b) {
    return Maths.binary(Binary.DIV, a, b);
  }
}

package org.tune4j.kit;

import static org.tune4j.kit.Case.uniform;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.tune4j.kit.Case.Argument;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** The rest of chapter 5: attention with everything that an {@link AttentionSpec} can say. */
abstract class AttentionRules extends OperationRules {
  private static final double SCALE = 0.6;

  /**
   * One attention.
   *
   * @param softCap 0 for none
   * @param sinks whether there are any: the last argument
   */
  record Attention(
      int heads, int kvHeads, int dim, int window, double softCap, boolean sinks, int... rowEnds) {
    String name() {
      return "attention of rows to %s, %d heads over %d, window %d, soft cap %s%s"
          .formatted(
              Arrays.toString(rowEnds), heads, kvHeads, window, softCap, sinks ? ", sinks" : "");
    }

    private Argument[] arguments() {
      int n = rowEnds[rowEnds.length - 1];
      List<Argument> all = new ArrayList<>();
      all.add(uniform(27, -1, 1, n, heads, dim));
      all.add(uniform(28, -1, 1, n, kvHeads, dim));
      all.add(uniform(29, -1, 1, n, kvHeads, dim));
      if (sinks) {
        all.add(uniform(57, -1, 1, heads));
      }
      return all.toArray(Argument[]::new);
    }

    private AttentionFormula formula(double[][] x) {
      return new AttentionFormula(
          heads,
          kvHeads,
          dim,
          rowEnds,
          new AttentionSpec<>(SCALE, window, softCap, sinks ? x[3] : null));
    }

    Operation operation() {
      return new Operation(
          name(),
          (o, e, x) ->
              o.attention(
                  x[0],
                  x[1],
                  x[2],
                  rowEnds,
                  new AttentionSpec<>(SCALE, window, softCap, sinks ? x[3] : null)),
          x -> formula(x).forward(x[0], x[1], x[2]),
          arguments());
    }
  }

  static Operation attention(int window, int... rowEnds) {
    return new Attention(4, 2, 3, window, 0, false, rowEnds).operation();
  }

  static Operation[] attentions() {
    return new Operation[] {
      attention(0, 5), attention(0, 2, 3, 6), attention(2, 4, 7), attention(1, 3)
    };
  }

  /** Each window, soft cap, sinks or none, grouping and number of rows with each other. */
  static List<Attention> combinations() {
    List<Attention> all = new ArrayList<>();
    for (int window : new int[] {0, 2}) {
      for (double softCap : new double[] {0, 0.7}) {
        for (boolean sinks : new boolean[] {false, true}) {
          for (int kvHeads : new int[] {4, 2, 1}) {
            for (int[] rowEnds : new int[][] {{4}, {1, 3, 6}}) {
              all.add(new Attention(4, kvHeads, 3, window, softCap, sinks, rowEnds));
            }
          }
        }
      }
    }
    return all;
  }

  /**
   * {@code m} positions after {@code at} that are held, over the first {@code n} of a cache's; four
   * heads over two of keys and values.
   */
  record Cached(
      int m, int at, int n, int capacity, int window, int dim, double softCap, boolean sinks) {
    Cached(int m, int at, int n, int capacity, int window, int dim) {
      this(m, at, n, capacity, window, dim, 0, false);
    }

    /** What the operation gives and what the cache then holds. */
    record Result(double[] mixed, double[] keys, double[] values) {}

    private Argument q() {
      return uniform(52, -1, 1, m, 4, dim);
    }

    private static Argument sink() {
      return uniform(60, -1, 1, 4);
    }

    private Argument fresh(int stream) {
      return uniform(stream, -1, 1, m, 2, dim);
    }

    /** As long as the cache: what lies behind the held positions is not to be attended to. */
    private Argument held(int stream) {
      return uniform(stream, -1, 1, 2, capacity, dim);
    }

    private float[] angles(DoubleUnaryOperator f) {
      float[] values = new float[m * dim / 2];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) f.applyAsDouble(0.3 * i + at);
      }
      return values;
    }

    private double[] wide(DoubleUnaryOperator f) {
      double[] values = new double[m * dim / 2];
      float[] rounded = angles(f);
      Arrays.setAll(values, i -> rounded[i]);
      return values;
    }

    private boolean sees(int query, int position) {
      int own = at + query;
      return position <= own && (window == 0 || own - position < window);
    }

    private float[] mask() {
      float[] mask = new float[m * n];
      for (int i = 0; i < mask.length; i++) {
        mask[i] = sees(i / n, i % n) ? 0 : Float.NEGATIVE_INFINITY;
      }
      return mask;
    }

    Result run(Operations o, Engine e, DType dtype) {
      DType angle = dtype == DType.FP64 ? DType.FP64 : DType.FP32;
      Shape half = Shape.of(m, 1, dim / 2);
      try (TensorScope s = e.openScope()) {
        Tensor keys = tensor(e, held(55), dtype);
        Tensor values = tensor(e, held(56), dtype);
        Tensor mixed =
            o.cachedAttention(
                tensor(e, q(), dtype),
                tensor(e, fresh(53), dtype),
                tensor(e, fresh(54), dtype),
                e.tensor(angles(Math::cos), angle, half),
                e.tensor(angles(Math::sin), angle, half),
                keys,
                values,
                at,
                e.tensor(mask(), dtype, Shape.of(m, n)),
                new AttentionSpec<>(SCALE, 0, softCap, sinks ? tensor(e, sink(), dtype) : null));
        return new Result(mixed.toDoubles(), keys.toDoubles(), values.toDoubles());
      }
    }

    private static Tensor tensor(Engine e, Argument a, DType dtype) {
      return e.tensor(a.values(), dtype, a.shape());
    }

    /** Of the arguments as the type rounds them. */
    Result expected(Engine e, DType dtype) {
      double[] cos = wide(Math::cos);
      double[] sin = wide(Math::sin);
      double[] q = WrittenOut.rope(rounded(e, q(), dtype), cos, sin, m, 4, dim);
      double[] k = WrittenOut.rope(rounded(e, fresh(53), dtype), cos, sin, m, 2, dim);
      double[] v = rounded(e, fresh(54), dtype);
      double[] keys = rounded(e, held(55), dtype);
      double[] values = rounded(e, held(56), dtype);
      put(keys, k);
      put(values, v);
      double[] whole = new double[(at + m) * 4 * dim];
      System.arraycopy(q, 0, whole, at * 4 * dim, q.length);
      AttentionFormula formula =
          new AttentionFormula(
              4,
              2,
              dim,
              new int[] {at + m},
              new AttentionSpec<>(
                  SCALE, window, softCap, sinks ? rounded(e, sink(), dtype) : null));
      double[] y = formula.forward(whole, row(keys), row(values));
      return new Result(Arrays.copyOfRange(y, at * 4 * dim, y.length), keys, values);
    }

    private static double[] rounded(Engine e, Argument a, DType dtype) {
      try (TensorScope s = e.openScope()) {
        return tensor(e, a, dtype).toDoubles();
      }
    }

    /** Behind what a cache holds, a head's together. */
    private void put(double[] cache, double[] fresh) {
      for (int i = 0; i < fresh.length; i++) {
        int token = i / (2 * dim);
        int head = i / dim % 2;
        cache[(head * capacity + at + token) * dim + i % dim] = fresh[i];
      }
    }

    /** The positions up to the last one, a token's heads together. */
    private double[] row(double[] cache) {
      double[] row = new double[(at + m) * 2 * dim];
      for (int i = 0; i < row.length; i++) {
        int token = i / (2 * dim);
        int head = i / dim % 2;
        row[i] = cache[(head * capacity + token) * dim + i % dim];
      }
      return row;
    }
  }

  static List<Cached> cached() {
    List<Cached> all =
        new ArrayList<>(
            List.of(
                new Cached(1, 0, 1, 1, 0, 4),
                new Cached(1, 4, 5, 5, 0, 4),
                new Cached(3, 2, 5, 8, 0, 4),
                new Cached(1, 5, 8, 9, 0, 4),
                new Cached(3, 4, 9, 9, 2, 4),
                new Cached(4, 0, 6, 6, 3, 4)));
    for (int window : new int[] {0, 2}) {
      all.add(new Cached(1, 5, 8, 9, window, 4, 0.7, false));
      all.add(new Cached(3, 4, 9, 9, window, 4, 0, true));
      all.add(new Cached(3, 4, 9, 9, window, 4, 0.7, true));
    }
    return all;
  }

  void same(String what, Cached.Result expected, Cached.Result actual, DType dtype) {
    close(what, expected.mixed, actual.mixed, Tolerance.of(dtype));
    close(what + ", keys", expected.keys, actual.keys, Tolerance.of(dtype));
    close(what + ", values", expected.values, actual.values, Tolerance.of(dtype));
  }

  @Test
  void rule5_05_attention_default_matchesTheFormula() {
    defaults(attentions());
  }

  @Test
  void rule5_13_cachedAttention_default_matchesTheFormula() {
    for (Cached c : cached()) {
      for (DType dtype : floating()) {
        same(
            c + " " + dtype,
            c.expected(engine, dtype),
            c.run(engine.defaultOperations(), engine, dtype),
            dtype);
      }
    }
  }

  @Test
  void rule5_14_attention_ofEachSpec_matchesTheFormulaBothWays() {
    for (Attention a : combinations()) {
      for (DType dtype : floating()) {
        matchesTheFormula(a, a.operation().of(Engine::defaultOperations), dtype);
      }
    }
  }

  /** The gradient that {@link #run} sends back is known: each derivative is compared. */
  void matchesTheFormula(Attention a, Case c, DType dtype) {
    String what = a.name() + " " + dtype;
    Outcome actual = run(engine, c, dtype, false, true);
    double[][] x = actual.arguments().toArray(new double[0][]);
    AttentionFormula formula = a.formula(x);
    close(what, formula.forward(x[0], x[1], x[2]), actual.result(), Tolerance.of(dtype));
    AttentionFormula.Gradients expected =
        formula.backward(x[0], x[1], x[2], weights(actual.shape()));
    List<double[]> each = new ArrayList<>(List.of(expected.q(), expected.k(), expected.v()));
    if (expected.sinks() != null) {
      each.add(expected.sinks());
    }
    for (int i = 0; i < each.size(); i++) {
      close(
          what + ", gradient of argument " + i,
          each.get(i),
          actual.gradients().get(i),
          Tolerance.of(dtype));
    }
  }
}

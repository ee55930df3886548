package org.tune4j.kit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.tune4j.kit.Case.uniform;

import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.tune4j.kit.Case.Argument;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Chapter 5: the operations over this backend's primitives, against formulas written out and finite
 * differences.
 */
abstract class OperationRules extends ScopeRules {
  /** From which operations, and what is expected of arguments as the type rounded them. */
  record Operation(String name, Apply apply, Expect expect, Argument... arguments) {
    Case of(Function<Engine, Operations> which) {
      return Case.of(name, (e, x) -> apply.apply(which.apply(e), e, x), arguments);
    }
  }

  interface Apply {
    Tensor apply(Operations o, Engine e, Tensor[] x);
  }

  interface Expect {
    double[] of(double[][] x);
  }

  /** Defaults: forward against the formula, backward against reference and differences. */
  void defaults(Operation... operations) {
    for (Operation o : operations) {
      Case c = o.of(Engine::defaultOperations);
      for (DType dtype : floating()) {
        Outcome actual = run(engine, c, dtype, false, false);
        double[] expected = o.expect().of(actual.arguments().toArray(new double[0][]));
        close(o.name() + " " + dtype, expected, actual.result(), Tolerance.of(dtype));
      }
      backward(c);
    }
  }

  static Operation linear() {
    return new Operation(
        "linear",
        (o, e, x) -> o.linear(x[0], x[1]),
        x -> WrittenOut.linear(x[0], x[1], 3, 4, 5),
        uniform(20, -1, 1, 3, 4),
        uniform(21, -1, 1, 5, 4));
  }

  static Operation loraLinear() {
    return new Operation(
        "loraLinear",
        (o, e, x) -> o.loraLinear(x[0], x[1], x[2], x[3], 1.5),
        x -> {
          double[] y = WrittenOut.linear(x[0], x[1], 3, 4, 5);
          double[] low = WrittenOut.linear(WrittenOut.linear(x[0], x[2], 3, 4, 2), x[3], 3, 2, 5);
          for (int i = 0; i < y.length; i++) {
            y[i] += 1.5 * low[i];
          }
          return y;
        },
        uniform(20, -1, 1, 3, 4),
        uniform(21, -1, 1, 5, 4),
        uniform(22, -1, 1, 2, 4),
        uniform(23, -1, 1, 5, 2));
  }

  static Operation rmsNorm(double eps) {
    return new Operation(
        "rmsNorm with eps " + eps,
        (o, e, x) -> o.rmsNorm(x[0], x[1], eps),
        x -> WrittenOut.rmsNorm(x[0], x[1], eps),
        uniform(24, -1, 1, 3, 6),
        uniform(25, 0.5, 1.5, 6));
  }

  static Operation rope() {
    int n = 3;
    double[] cos = new double[n * 2];
    double[] sin = new double[n * 2];
    for (int i = 0; i < cos.length; i++) {
      cos[i] = (float) Math.cos(0.3 * i);
      sin[i] = (float) Math.sin(0.3 * i);
    }
    return new Operation(
        "rope",
        (o, e, x) -> {
          DType wide = x[0].dtype() == DType.FP64 ? DType.FP64 : DType.FP32;
          Shape shape = Shape.of(n, 1, 2);
          return o.rope(x[0], e.tensor(cos, wide, shape), e.tensor(sin, wide, shape));
        },
        x -> WrittenOut.rope(x[0], cos, sin, n, 2, 4),
        uniform(26, -1, 1, n, 2, 4));
  }

  static Operation swiGlu() {
    return new Operation(
        "swiGlu",
        (o, e, x) -> o.swiGlu(x[0], x[1]),
        x -> WrittenOut.swiGlu(x[0], x[1]),
        uniform(30, -2, 2, 3, 4),
        uniform(31, -1, 1, 3, 4));
  }

  static Operation solveUnitLower() {
    return new Operation(
        "solveUnitLower",
        (o, e, x) -> o.solveUnitLower(x[0], x[1]),
        x -> WrittenOut.solveUnitLower(x[0], x[1], 2, 5, 3),
        uniform(63, -1, 1, 2, 5, 5),
        uniform(64, -1, 1, 2, 5, 3));
  }

  static Operation crossEntropy() {
    long[] labels = {2, 0, 4};
    return new Operation(
        "crossEntropy",
        (o, e, x) -> o.crossEntropy(x[0], e.tensor(labels, Shape.of(3))),
        x -> WrittenOut.crossEntropy(x[0], labels),
        uniform(32, -3, 3, 3, 5));
  }

  @Test
  void rule5_01_linear_default_matchesTheFormula() {
    defaults(linear());
  }

  @Test
  void rule5_02_loraLinear_default_matchesTheFormula() {
    defaults(loraLinear());
  }

  @Test
  void rule5_03_rmsNorm_default_matchesTheFormula() {
    defaults(rmsNorm(1e-5), rmsNorm(0.5));
  }

  @Test
  void rule5_04_rope_default_matchesTheFormula() {
    defaults(rope());
  }

  @Test
  void rule5_06_swiGlu_default_matchesTheFormula() {
    defaults(swiGlu());
  }

  @Test
  void rule5_07_crossEntropy_default_matchesTheFormula() {
    defaults(crossEntropy());
  }

  @Test
  void rule5_08_crossEntropy_ofLargeLogits_isFinite() {
    Tensor logits = engine.tensor(new float[] {1000, 0, -1000, 0}, DType.FP32, Shape.of(2, 2));
    Tensor labels = engine.tensor(new long[] {1, 1}, Shape.of(2));
    assertEquals(1000, engine.defaultOperations().crossEntropy(logits, labels).item(), 1e-3);
    assertEquals(1000, engine.operations().crossEntropy(logits, labels).item(), 1e-3);
  }

  @Test
  void rule5_09_softmax_matchesTheFormula() {
    defaults(
        new Operation(
            "softmax",
            (o, e, x) -> o.softmax(x[0]),
            x -> WrittenOut.softmax(x[0]),
            uniform(33, -3, 3, 1, 5)));
  }

  @Test
  void rule5_10_randomBits_areTheSameEverywhere() {
    assertEquals(-7450291807549245335L, RandomBits.bits(42, 0));
    assertEquals(2958219263312191191L, RandomBits.bits(42, 1));
    Tensor a = engine.operations().uniform(42, -2, 3, DType.FP32, Shape.of(50, 4));
    Tensor b = reference.operations().uniform(42, -2, 3, DType.FP32, Shape.of(50, 4));
    assertArrayEquals(b.toFloats(), a.toFloats());
  }

  @Test
  void rule5_11_dropout_dependsOnSeedAndPositionAlone() {
    Tensor x = counting(40, 5).add(1.0);
    float[] once = engine.operations().dropout(x, 0.3, 7).toFloats();
    assertArrayEquals(once, engine.operations().dropout(x, 0.3, 7).toFloats());
    for (int i = 0; i < once.length; i++) {
      boolean dropped = RandomBits.uniform(7, i) < 0.3;
      assertEquals(dropped ? 0 : (i + 1) / 0.7f, once[i], 1e-4f * i, "element " + i);
    }
    Tensor leaf = x.leaf();
    engine.operations().dropout(leaf, 0.3, 7).sum().backward();
    float[] g = leaf.gradient().orElseThrow().toFloats();
    for (int i = 0; i < g.length; i++) {
      assertEquals(RandomBits.uniform(7, i) < 0.3 ? 0 : 1 / 0.7f, g[i], 1e-6f, "gradient " + i);
    }
  }

  @Test
  void rule5_12_adamW_default_matchesTheFormula() {
    for (DType dtype : floating()) {
      adamW(engine.defaultOperations(), dtype);
    }
  }

  @Test
  void rule5_13_solveUnitLower_default_matchesTheFormula() {
    defaults(solveUnitLower());
  }

  /** Three steps; {@code m} and {@code v} in fp32 or wider. */
  void adamW(Operations operations, DType dtype) {
    double[] settings = {0.05, 0.9, 0.99, 1e-6, 0.1};
    DType wide = dtype == DType.FP64 ? DType.FP64 : DType.FP32;
    Shape shape = Shape.of(3, 4);
    try (TensorScope s = engine.openScope()) {
      Tensor p = engine.tensor(uniform(34, -1, 1, 3, 4).values(), dtype, shape);
      Tensor m = engine.zeros(wide, shape);
      Tensor v = engine.zeros(wide, shape);
      double[] p2 = p.toDoubles();
      double[] m2 = new double[12];
      double[] v2 = new double[12];
      for (int step = 1; step <= 3; step++) {
        Tensor g = engine.tensor(uniform(34 + step, -1, 1, 3, 4).values(), dtype, shape);
        operations.adamW(
            p, g, m, v, step, settings[0], settings[1], settings[2], settings[3], settings[4]);
        WrittenOut.adamW(p2, g.toDoubles(), m2, v2, step, settings);
        String what = "adamW " + dtype + ", step " + step + ", ";
        close(what + "parameter", p2, p.toDoubles(), Tolerance.of(dtype));
        close(what + "m", m2, m.toDoubles(), Tolerance.of(wide));
        close(what + "v", v2, v.toDoubles(), Tolerance.of(wide));
      }
    }
  }
}

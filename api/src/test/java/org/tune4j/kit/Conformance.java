package org.tune4j.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.tune4j.reference.ReferenceBackendProvider;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** What every chapter uses: the two engines, a scope in each, and comparisons. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.MethodName.class)
@Execution(ExecutionMode.SAME_THREAD)
abstract class Conformance {
  /** The backend under test. */
  Engine engine;

  /** What it is compared with. */
  Engine reference;

  private TensorScope scope;
  private TensorScope referenceScope;

  /** The provider under test; called once or more, opened once. */
  protected abstract BackendProvider provider();

  /** How it is opened unless overridden: on {@code -Dtune4j.test.device}, with one thread. */
  protected BackendOptions options() {
    return new BackendOptions(Device.parse(System.getProperty("tune4j.test.device", "cpu")), 1);
  }

  @BeforeAll
  void openEngines() {
    reference = Engine.open(new ReferenceBackendProvider(), BackendOptions.DEFAULT);
    engine = Engine.open(provider(), options());
  }

  @AfterAll
  void closeEngines() {
    if (engine != null) {
      engine.close();
    }
    reference.close();
  }

  @BeforeEach
  void openScopes() {
    scope = engine.openScope();
    referenceScope = reference.openScope();
  }

  @AfterEach
  void closeScopes() {
    referenceScope.close();
    scope.close();
  }

  /** Another engine over the backend under test, which stays open when this one closes. */
  Engine twin(BackendOptions options) {
    return Engine.open(new SharedBackend(engine.backend()), options);
  }

  /** The floating types that the backend has. */
  List<DType> floating() {
    return engine.backend().dtypes().stream().filter(DType::isFloating).sorted().toList();
  }

  boolean has(DType dtype) {
    return engine.backend().dtypes().contains(dtype);
  }

  /** The widest floating type. */
  DType widest() {
    return has(DType.FP64) ? DType.FP64 : DType.FP32;
  }

  /** 0, 1, 2, ... in fp32. */
  Tensor counting(long... sizes) {
    Shape shape = Shape.of(sizes);
    float[] values = new float[(int) shape.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    return engine.tensor(values, DType.FP32, shape);
  }

  static double[] values(Tensor t) {
    return t.toDoubles();
  }

  static void throwsWith(Class<? extends RuntimeException> type, String text, Runnable call) {
    assertEquals(text, assertThrows(type, call::run).getMessage());
  }

  static void close(String what, double[] expected, double[] actual, double tolerance) {
    if (expected.length != actual.length) {
      fail("%s: %d values, expected %d".formatted(what, actual.length, expected.length));
    }
    double largest = 1;
    for (double e : expected) {
      largest = Math.max(largest, Math.abs(e));
    }
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(expected[i] - actual[i]) <= tolerance * largest)) {
        fail(
            "%s: element %d is %s, expected %s within %s (seed %d)"
                .formatted(what, i, actual[i], expected[i], tolerance * largest, Case.SEED));
      }
    }
  }

  /** What a case gives: its result, and the gradient of every argument. */
  record Outcome(
      Shape shape, double[] result, List<double[]> gradients, List<double[]> arguments) {}

  /** {@code transposed}: arguments of rank 2 and more lie in memory with the last two swapped. */
  static Outcome run(Engine engine, Case c, DType dtype, boolean transposed, boolean backward) {
    return run(engine, c, dtype, transposed, i -> backward);
  }

  /** {@code leaf}: which arguments ask for a gradient; the others come back with none. */
  static Outcome run(Engine engine, Case c, DType dtype, boolean transposed, IntPredicate leaf) {
    try (TensorScope s = engine.openScope()) {
      Tensor[] x = new Tensor[c.arguments().size()];
      List<double[]> rounded = new ArrayList<>();
      for (int i = 0; i < x.length; i++) {
        Case.Argument a = c.arguments().get(i);
        Tensor t = engine.tensor(a.values(), dtype, a.shape());
        if (transposed && a.shape().rank() >= 2) {
          t = t.transpose(-1, -2).contiguous().reshape(swapped(a.shape())).transpose(-1, -2);
        }
        rounded.add(t.toDoubles());
        x[i] = leaf.test(i) ? t.leaf() : t;
      }
      Tensor y = c.function().apply(engine, x);
      double[] result = y.toDoubles();
      Readings.check(c.name() + " " + dtype, y, result);
      List<double[]> gradients = new ArrayList<>();
      if (IntStream.range(0, x.length).anyMatch(leaf)) {
        y.backward(engine.tensor(weights(y.shape()), y.dtype(), y.shape()));
        for (int i = 0; i < x.length; i++) {
          Tensor t = x[i];
          if (!leaf.test(i) && t.gradient().isPresent()) {
            fail("%s %s: frozen argument %d has a gradient".formatted(c.name(), dtype, i));
          }
          gradients.add(
              t.gradient()
                  .map(Tensor::toDoubles)
                  .orElseGet(() -> new double[(int) t.shape().elements()]));
        }
      }
      for (int i = 0; i < x.length; i++) {
        String what = "%s %s, argument %d after use".formatted(c.name(), dtype, i);
        close(what, rounded.get(i), x[i].toDoubles(), 0);
      }
      return new Outcome(y.shape(), result, gradients, rounded);
    }
  }

  private static long[] swapped(Shape shape) {
    int r = shape.rank();
    return shape.with(r - 1, shape.size(-2)).with(r - 2, shape.size(-1)).toArray();
  }

  /** The gradient sent back: multiples of 1/8 in [-1, 1]. */
  static double[] weights(Shape shape) {
    double[] w = new double[(int) shape.elements()];
    for (int i = 0; i < w.length; i++) {
      w[i] = ((i * 5 + 3) % 17 - 8) / 8.0;
    }
    return w;
  }

  /** The same case with arguments as a type rounded them. */
  private static Case rounded(Case c, Outcome seen) {
    List<Case.Argument> arguments = new ArrayList<>();
    for (int i = 0; i < c.arguments().size(); i++) {
      arguments.add(new Case.Argument(c.arguments().get(i).shape(), seen.arguments().get(i)));
    }
    return new Case(c.name(), c.function(), arguments);
  }

  /** Forward, every floating type, contiguous and not, against the reference in fp64. */
  void forward(Case... cases) {
    for (Case c : cases) {
      for (DType dtype : floating()) {
        for (boolean transposed : new boolean[] {false, true}) {
          String what = c.name() + " " + dtype + (transposed ? " of transposed arguments" : "");
          Outcome actual = run(engine, c, dtype, transposed, false);
          Outcome expected = run(reference, rounded(c, actual), DType.FP64, false, false);
          assertEquals(expected.shape(), actual.shape(), what);
          close(what, expected.result(), actual.result(), Tolerance.of(dtype));
        }
      }
    }
  }

  /** Backward as {@link #forward}, and against finite differences in the widest type. */
  void backward(Case... cases) {
    for (Case c : cases) {
      for (DType dtype : floating()) {
        for (boolean transposed : new boolean[] {false, true}) {
          String what = c.name() + " " + dtype + (transposed ? " of transposed arguments" : "");
          Outcome actual = run(engine, c, dtype, transposed, true);
          Outcome expected = run(reference, rounded(c, actual), DType.FP64, false, true);
          for (int i = 0; i < expected.gradients().size(); i++) {
            close(
                what + ", gradient of argument " + i,
                expected.gradients().get(i),
                actual.gradients().get(i),
                Tolerance.of(dtype));
          }
        }
      }
      finiteDifferences(c);
    }
  }

  private void finiteDifferences(Case c) {
    boolean wide = has(DType.FP64);
    double step = wide ? 1e-5 : 1e-2;
    List<double[]> gradients = run(engine, c, widest(), false, true).gradients();
    for (int i = 0; i < gradients.size(); i++) {
      double[] at = c.arguments().get(i).values();
      double[] slopes = new double[at.length];
      for (int j = 0; j < at.length; j++) {
        double before = at[j];
        at[j] = before + step;
        double up = weighted(c);
        at[j] = before - step;
        double down = weighted(c);
        at[j] = before;
        slopes[j] = (up - down) / (2 * step);
      }
      close(
          c.name() + ", finite differences of argument " + i,
          slopes,
          gradients.get(i),
          wide ? Tolerance.FINITE_DIFFERENCES_FP64 : Tolerance.FINITE_DIFFERENCES_FP32);
    }
  }

  private double weighted(Case c) {
    Outcome o = run(engine, c, widest(), false, false);
    double[] w = weights(o.shape());
    double sum = 0;
    for (int i = 0; i < w.length; i++) {
      sum += w[i] * o.result()[i];
    }
    return sum;
  }
}

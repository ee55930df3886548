package org.tune4j.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.tune4j.kit.Case.uniform;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;
import org.tune4j.spi.Kernels;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.PackedWeight;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Chapter 6: the backend's kernels against the defaults over its primitives. */
abstract class KernelRules extends AttentionRules {
  /** What {@code engine.operations()} gives, with kernels, against the defaults, both ways. */
  private void kernels(Operation... operations) {
    for (Operation o : operations) {
      for (DType dtype : floating()) {
        for (boolean transposed : new boolean[] {false, true}) {
          String what = o.name() + " " + dtype + (transposed ? " of transposed arguments" : "");
          Outcome plain = run(engine, o.of(Engine::operations), dtype, transposed, false);
          Outcome actual = run(engine, o.of(Engine::operations), dtype, transposed, true);
          Outcome expected = run(engine, o.of(Engine::defaultOperations), dtype, false, true);
          assertEquals(expected.shape(), actual.shape(), what);
          close(what, expected.result(), actual.result(), Tolerance.of(dtype));
          close(
              what + " without recording", expected.result(), plain.result(), Tolerance.of(dtype));
          gradients(what, expected, actual, dtype);
        }
      }
    }
  }

  private static void gradients(String what, Outcome expected, Outcome actual, DType dtype) {
    for (int i = 0; i < expected.gradients().size(); i++) {
      close(
          what + ", gradient of argument " + i,
          expected.gradients().get(i),
          actual.gradients().get(i),
          Tolerance.of(dtype));
    }
  }

  /** One of every operation that a kernel may compute and autograd sees. */
  private static Operation[] all() {
    return new Operation[] {
      linear(),
      loraLinear(),
      rmsNorm(1e-5),
      rope(),
      attention(0, 2, 5),
      new Attention(4, 2, 3, 2, 0.7, true, 2, 5).operation(),
      swiGlu(),
      solveUnitLower(),
      crossEntropy()
    };
  }

  @Test
  void rule6_01_linear_kernel_matchesDefault() {
    kernels(linear());
  }

  @Test
  void rule6_02_loraLinear_kernel_matchesDefault() {
    kernels(loraLinear());
  }

  @Test
  void rule6_03_rmsNorm_kernel_matchesDefault() {
    kernels(rmsNorm(1e-5), rmsNorm(0.5));
  }

  @Test
  void rule6_04_rope_kernel_matchesDefault() {
    kernels(rope());
  }

  @Test
  void rule6_05_attention_kernel_matchesDefault() {
    kernels(attentions());
    kernels(combinations().stream().map(Attention::operation).toArray(Operation[]::new));
  }

  @Test
  void rule6_06_swiGlu_kernel_matchesDefault() {
    kernels(swiGlu());
  }

  @Test
  void rule6_07_crossEntropy_kernel_matchesDefault() {
    kernels(crossEntropy());
  }

  @Test
  void rule6_08_adamW_kernel_matchesTheFormula() {
    for (DType dtype : floating()) {
      adamW(engine.operations(), dtype);
    }
  }

  @Test
  void rule6_09_kernel_ofFrozenArguments_givesTheOthersTheirGradients() {
    for (Operation o : all()) {
      for (int i = 0; i < o.arguments().length; i++) {
        int one = i;
        leavesAre("argument " + i + " alone trained", o, j -> j == one);
        if (o.arguments().length > 1) {
          leavesAre("argument " + i + " alone frozen", o, j -> j != one);
        }
      }
    }
  }

  private void leavesAre(String which, Operation o, IntPredicate leaf) {
    for (DType dtype : floating()) {
      String what = o.name() + " " + dtype + ", " + which;
      Outcome actual = run(engine, o.of(Engine::operations), dtype, false, leaf);
      Outcome expected = run(engine, o.of(Engine::defaultOperations), dtype, false, leaf);
      close(what, expected.result(), actual.result(), Tolerance.of(dtype));
      gradients(what, expected, actual, dtype);
    }
  }

  @Test
  void rule6_10_kernel_insideAGraph_leavesItsNeighboursRight() {
    for (Operation o : all()) {
      for (DType dtype : floating()) {
        String what = o.name() + " " + dtype + " inside a graph";
        Outcome actual = run(engine, insideAGraph(o, Engine::operations), dtype, false, true);
        Outcome expected =
            run(engine, insideAGraph(o, Engine::defaultOperations), dtype, false, true);
        gradients(what, expected, actual, dtype);
      }
    }
  }

  /** Arguments that are no leaves and that others need too; a result that its own square needs. */
  private static Case insideAGraph(Operation o, Function<Engine, Operations> which) {
    return Case.of(
        o.name(),
        (e, x) -> {
          Tensor[] inner = Arrays.stream(x).map(t -> t.tanh()).toArray(Tensor[]::new);
          Tensor y = o.apply().apply(which.apply(e), e, inner);
          Tensor total = y.mul(y).sum();
          for (Tensor t : inner) {
            total = total.add(t.mul(t).sum().cast(y.dtype()));
          }
          return total;
        },
        o.arguments());
  }

  /** Where kernels choose other ways: long and short rows, windows, ranks, a vocabulary. */
  @Test
  void rule6_11_kernel_atLargerSizes_matchesDefault() {
    assumeTrue(engine.backend().kernels() != Kernels.NONE, "the backend has no kernels");
    int n = 130;
    long[] labels = new long[n];
    Arrays.setAll(labels, i -> i * 17L % 300);
    kernels(
        larger(
            "linear",
            (o, e, x) -> o.linear(x[0], x[1]),
            uniform(40, -1, 1, n, 96),
            uniform(41, -0.3, 0.3, 70, 96)),
        larger(
            "loraLinear",
            (o, e, x) -> o.loraLinear(x[0], x[1], x[2], x[3], 2),
            uniform(40, -1, 1, n, 96),
            uniform(41, -0.3, 0.3, 70, 96),
            uniform(42, -0.3, 0.3, 8, 96),
            uniform(43, -0.3, 0.3, 70, 8)),
        larger(
            "rmsNorm",
            (o, e, x) -> o.rmsNorm(x[0], x[1], 1e-5),
            uniform(44, -1, 1, n, 96),
            uniform(45, 0.5, 1.5, 96)),
        larger(
            "swiGlu",
            (o, e, x) -> o.swiGlu(x[0], x[1]),
            uniform(46, -2, 2, n, 70),
            uniform(47, -1, 1, n, 70)),
        larger(
            "solveUnitLower",
            (o, e, x) -> o.solveUnitLower(x[0], x[1]),
            uniform(49, -0.2, 0.2, 3, 64, 64),
            uniform(50, -1, 1, 3, 64, 40)),
        larger(
            "crossEntropy",
            (o, e, x) -> o.crossEntropy(x[0], e.tensor(labels, Shape.of(labels.length))),
            uniform(48, -3, 3, n, 300)),
        largerAttention(0, 1, 34, n),
        largerAttention(50, 34, n),
        largerAttention(0, 20, 560),
        largerAttention(100, 300),
        new Attention(4, 2, 8, 50, 2, true, 34, n).operation());
  }

  private static Operation larger(String name, Apply apply, Case.Argument... arguments) {
    return new Operation(name + ", larger", apply, x -> new double[0], arguments);
  }

  private static Operation largerAttention(int window, int... rowEnds) {
    return new Attention(4, 2, 8, window, 0, false, rowEnds).operation();
  }

  @Test
  void rule6_12_cachedAttention_kernel_matchesDefault() {
    List<Cached> cases = new ArrayList<>(cached());
    cases.add(new Cached(1, 699, 704, 704, 0, 8));
    cases.add(new Cached(1, 129, 192, 192, 40, 8));
    cases.add(new Cached(33, 97, 192, 256, 0, 8));
    cases.add(new Cached(130, 0, 192, 192, 50, 8));
    cases.add(new Cached(33, 97, 192, 256, 40, 8, 2, true));
    for (Cached c : cases) {
      for (DType dtype : floating()) {
        same(
            c + " " + dtype,
            c.run(engine.defaultOperations(), engine, dtype),
            c.run(engine.operations(), engine, dtype),
            dtype);
      }
    }
  }

  /** Shapes that fill a layout's blocks and shapes that do not; a packed weight is a copy. */
  @Test
  void rule6_13_linear_ofAPackedWeight_isThatOfTheWeight() {
    for (DType dtype : floating()) {
      for (int[] sizes : new int[][] {{1, 4, 5}, {3, 96, 64}, {70, 64, 130}, {1, 130, 1}}) {
        int n = sizes[0];
        int in = sizes[1];
        int out = sizes[2];
        try (TensorScope s = engine.openScope()) {
          Tensor x = engine.tensor(uniform(58, -1, 1, n, in).values(), dtype, Shape.of(n, in));
          Tensor w =
              engine.tensor(uniform(59, -0.3, 0.3, out, in).values(), dtype, Shape.of(out, in));
          double[] expected = engine.defaultOperations().linear(x, w).toDoubles();
          Optional<PackedWeight> packed = engine.operations().pack(w);
          if (packed.isEmpty()) {
            continue;
          }
          w.copyFrom(engine.zeros(dtype, w.shape()));
          double[] actual = engine.operations().linear(x, packed.get()).toDoubles();
          close(
              "packed linear %s, %d x %d x %d".formatted(dtype, n, in, out),
              expected,
              actual,
              Tolerance.of(dtype));
        }
      }
    }
  }

  /** Widths that fill a tile's rows and widths that do not. */
  @Test
  void rule6_14_widenedLinear_isThatOfTheWidenedWeight() {
    for (DType narrow : floating()) {
      for (DType wide : floating()) {
        if (narrow.bytes() < wide.bytes() && wide.bytes() >= DType.FP32.bytes()) {
          widened(narrow, wide, 1, 4, 5);
          widened(narrow, wide, 3, 96, 64);
          widened(narrow, wide, 33, 6000, 70);
          widened(narrow, wide, 2, 130, 1);
        }
      }
    }
  }

  private void widened(DType narrow, DType wide, int n, int in, int out) {
    try (TensorScope s = engine.openScope()) {
      Tensor w = engine.tensor(uniform(61, -0.3, 0.3, out, in).values(), narrow, Shape.of(out, in));
      Tensor x = engine.tensor(uniform(60, -1, 1, n, in).values(), wide, Shape.of(n, in));
      Tensor g = engine.tensor(uniform(62, -1, 1, n, out).values(), wide, Shape.of(n, out));
      Tensor widened = w.cast(wide);
      String what = "%s widened to %s, %d x %d x %d".formatted(narrow, wide, n, in, out);
      Tensor product = engine.operations().widenedLinear(x.leaf(), w);
      close(
          what,
          engine.defaultOperations().linear(x, widened).toDoubles(),
          product.toDoubles(),
          Tolerance.of(wide));
      close(
          what + ", gradient of the input",
          g.matmul(widened).toDoubles(),
          engine.operations().widenedLinearInput(g, w).toDoubles(),
          Tolerance.of(wide));
      assertFalse(product.requiresGradient(), what);
    }
  }

  @Test
  void rule6_15_solveUnitLower_kernel_matchesDefault() {
    kernels(solveUnitLower());
  }

  /** Vocabularies of one tile and of several; of the sum and the gradient that replaces logits. */
  @Test
  void rule6_20_crossEntropyGradient_kernel_matchesDefault() {
    for (DType dtype : floating()) {
      for (int vocab : new int[] {5, 9000}) {
        try (TensorScope s = engine.openScope()) {
          Shape shape = Shape.of(70, vocab);
          Tensor leaf = engine.tensor(uniform(65, -3, 3, 70, vocab).values(), dtype, shape).leaf();
          long[] own = new long[70];
          Arrays.setAll(own, i -> (31L * i) % vocab);
          Tensor labels = engine.tensor(own, Shape.of(own.length));
          Tensor expected = engine.defaultOperations().crossEntropy(leaf, labels);
          expected.backward();
          Tensor logits = engine.tensor(leaf.toDoubles(), dtype, shape);
          Tensor sum = engine.operations().crossEntropyGradient(logits, labels);
          String what = "crossEntropyGradient %s, %s".formatted(dtype, shape);
          Tensor replaced = sum == null ? leaf : leaf.gradient().orElseThrow();
          close(what, replaced.toDoubles(), logits.toDoubles(), Tolerance.of(dtype));
          if (sum != null) {
            close(what, expected.toDoubles(), sum.toDoubles(), Tolerance.of(DType.FP32));
            assertFalse(sum.requiresGradient(), what);
          }
        }
      }
    }
  }
}

package org.tune4j.kit;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.tune4j.kit.Case.uniform;

import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Nf4;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Chapter 6, matrices in NF4 and int8: their elements, rows, and products with them. */
abstract class QuantisedRules extends KernelRules {
  /** A matrix, and its elements by the formula. */
  private record Matrix(Tensor tensor, double[] elements) {}

  private static byte[] bits(int seed, long n) {
    byte[] bytes = new byte[Math.toIntExact(n)];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) RandomBits.bits(seed, i);
    }
    return bytes;
  }

  private Tensor bytes(byte[] values, Shape shape) {
    return engine.tensor(ByteBuffer.wrap(values), DType.UINT8, shape);
  }

  private Matrix nf4(int out, int in, boolean twice) {
    long n = (long) out * in;
    long blocks = Nf4.blocks(n);
    byte[] codes = bits(70, n / 2);
    byte[] numbers = bits(71, blocks);
    double[] groups = uniform(72, 0.1, 2, Nf4.groups(blocks)).values();
    double[] plain = uniform(73, 0.1, 2, blocks).values();
    float offset = 1.25f;
    float[] values = Nf4.values();
    float[] factors = Nf4.factors();
    double[] elements = new double[Math.toIntExact(n)];
    for (int i = 0; i < elements.length; i++) {
      int block = i / Nf4.BLOCK;
      double factor =
          twice
              ? factors[numbers[block] & 0xff] * (float) groups[block / Nf4.GROUP] + offset
              : (float) plain[block];
      int pair = codes[i / 2];
      elements[i] = values[i % 2 == 0 ? pair >> 4 & 15 : pair & 15] * factor;
    }
    Tensor first = bytes(codes, Shape.of(n / 2));
    List<Tensor> parts =
        twice
            ? List.of(
                first,
                bytes(numbers, Shape.of(blocks)),
                engine.tensor(groups, DType.FP32, Shape.of(groups.length)),
                engine.tensor(new float[] {offset}, DType.FP32, Shape.of(1)))
            : List.of(first, engine.tensor(plain, DType.FP32, Shape.of(blocks)));
    return new Matrix(engine.quantised(DType.NF4, Shape.of(out, in), parts), elements);
  }

  private Matrix int8(int out, int in) {
    byte[] codes = bits(74, (long) out * in);
    double[] factors = uniform(75, 0.001, 0.1, out).values();
    double[] elements = new double[codes.length];
    for (int i = 0; i < codes.length; i++) {
      elements[i] = codes[i] * (double) (float) factors[i / in];
    }
    Shape shape = Shape.of(out, in);
    List<Tensor> parts =
        List.of(bytes(codes, shape), engine.tensor(factors, DType.FP32, Shape.of(out)));
    return new Matrix(engine.quantised(DType.INT8, shape, parts), elements);
  }

  /** Widths of whole blocks and others, more groups than one, more rows than a tile has. */
  @Test
  void rule6_16_nf4_isValuesTimesTheirBlocksFactors() {
    for (boolean twice : new boolean[] {false, true}) {
      String what = twice ? "nf4 with factors in 8 bits" : "nf4";
      int[][] sizes = {{64, 64}, {70, 96}, {3, 10}, {64, 176}, {130, 320}, {200, 9000}};
      for (int[] size : sizes) {
        try (TensorScope s = engine.openScope()) {
          multiplied("%s %d x %d".formatted(what, size[0], size[1]), nf4(size[0], size[1], twice));
        }
      }
    }
  }

  @Test
  void rule6_17_int8_isBitsTimesTheirRowsFactors() {
    for (int[] size : new int[][] {{64, 64}, {70, 96}, {3, 10}, {200, 9000}}) {
      try (TensorScope s = engine.openScope()) {
        multiplied("int8 %d x %d".formatted(size[0], size[1]), int8(size[0], size[1]));
      }
    }
    try (TensorScope s = engine.openScope()) {
      Matrix m = int8(7, 6);
      double[] rows = m.tensor.indexSelect(engine.indices(5, 0, 5)).toDoubles();
      double[] expected = new double[18];
      System.arraycopy(m.elements, 30, expected, 0, 6);
      System.arraycopy(m.elements, 0, expected, 6, 6);
      System.arraycopy(m.elements, 30, expected, 12, 6);
      close("rows of int8 by index", expected, rows, Tolerance.of(DType.FP32));
    }
  }

  private void multiplied(String what, Matrix m) {
    Tensor w = m.tensor;
    double tolerance = Tolerance.of(DType.FP32);
    close(what, m.elements, w.cast(DType.FP32).toDoubles(), tolerance);
    int from = (int) w.size(0) / 3;
    double[] rows = new double[Math.toIntExact(2 * w.size(1))];
    System.arraycopy(m.elements, Math.toIntExact(from * w.size(1)), rows, 0, rows.length);
    close(what + ", rows", rows, w.narrow(0, from, 2).toDoubles(), tolerance);
    for (DType wide : floating()) {
      int n = 5;
      Tensor x =
          engine.tensor(uniform(60, -1, 1, n, w.size(1)).values(), wide, Shape.of(n, w.size(1)));
      Tensor g =
          engine.tensor(uniform(62, -1, 1, n, w.size(0)).values(), wide, Shape.of(n, w.size(0)));
      Tensor plain = w.cast(DType.FP32).cast(wide);
      Tensor product = engine.operations().widenedLinear(x.leaf(), w);
      String in = "%s in %s".formatted(what, wide);
      close(
          in,
          engine.defaultOperations().linear(x, plain).toDoubles(),
          product.toDoubles(),
          Tolerance.of(wide));
      close(
          in + ", gradient of the input",
          g.matmul(plain).toDoubles(),
          engine.operations().widenedLinearInput(g, w).toDoubles(),
          Tolerance.of(wide));
      assertFalse(product.requiresGradient(), in);
    }
  }

  @Test
  void rule6_18_quantised_anywhereElse_isRefusedInWords() {
    try (TensorScope s = engine.openScope()) {
      Tensor w = nf4(4, 8, false).tensor;
      throwsWith(
          IllegalStateException.class,
          "nf4 [4, 8] can only be multiplied with or cast; cast it first",
          () -> w.transpose(0, 1));
      throwsWith(
          IllegalArgumentException.class,
          "nf4 [4, 8] has the parts [uint8 [16]], expected [uint8 [16], uint8 [1], fp32 [1], fp32 [1]]",
          () ->
              engine.quantised(
                  DType.NF4, Shape.of(4, 8), List.of(bytes(new byte[16], Shape.of(16)))));
    }
  }

  /** Parts leave their scope with the matrix and are released with it. */
  @Test
  void rule6_19_quantised_ownsItsParts() {
    try (TensorScope outer = engine.openScope()) {
      Tensor w;
      double[] elements;
      try (TensorScope s = engine.openScope()) {
        Matrix m = nf4(64, 64, true);
        elements = m.elements;
        w = s.moveOut(m.tensor);
      }
      close("moved out", elements, w.cast(DType.FP32).toDoubles(), Tolerance.of(DType.FP32));
      w.close();
      throwsWith(
          IllegalStateException.class,
          "nf4 [64, 64] is used after its scope was closed; move it out with scope.moveOut(tensor)",
          () -> w.cast(DType.FP32));
    }
  }
}

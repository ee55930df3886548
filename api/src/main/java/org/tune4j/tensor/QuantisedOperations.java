package org.tune4j.tensor;

import java.util.ArrayList;
import java.util.List;
import org.tune4j.spi.Kernels;
import org.tune4j.spi.Quantised;
import org.tune4j.spi.TensorHandle;

/** Unpacks quantised tensors: the backend's kernel where it has one, else primitives. */
final class QuantisedOperations {
  private final Engine engine;
  private final Kernels kernels;

  QuantisedOperations(Engine engine, Kernels kernels) {
    this.engine = engine;
    this.kernels = kernels;
  }

  /** Refuses parts that are not those of {@link Engine#quantised}. */
  static void check(DType dtype, Shape shape, List<Tensor> parts) {
    long n = shape.elements();
    long blocks = Nf4.blocks(n);
    List<String> expected =
        switch (dtype) {
          case INT8 -> List.of("uint8 " + shape, "fp32 " + Shape.of(shape.size(0)));
          case NF4 ->
              parts.size() == 2
                  ? List.of("uint8 " + Shape.of(n / 2), "fp32 " + Shape.of(blocks))
                  : List.of(
                      "uint8 " + Shape.of(n / 2),
                      "uint8 " + Shape.of(blocks),
                      "fp32 " + Shape.of(Nf4.groups(blocks)),
                      "fp32 " + Shape.of(1));
          default -> List.of();
        };
    List<String> found = parts.stream().map(p -> p.dtype() + " " + p.shape()).toList();
    if (shape.rank() != 2 || n % 2 != 0 || !found.equals(expected)) {
      throw new IllegalArgumentException(
          "%s %s has the parts %s, expected %s".formatted(dtype, shape, found, expected));
    }
  }

  /** {@link Operations#unpack(Tensor, long, long)}. */
  Tensor unpack(Tensor w, long from, long rows) {
    Quantised q = quantised(w);
    long width = w.size(1);
    boolean whole = from * width % Nf4.BLOCK == 0 && rows * width % Nf4.BLOCK == 0;
    if (w.dtype() == DType.INT8 || whole) {
      TensorHandle h = kernels.unpack(q, from, rows);
      if (h != null) {
        return engine.adopt(h, DType.FP32, Shape.of(rows, width), w.device());
      }
    }
    try (TensorScope s = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      List<Tensor> parts = parts(q, w.device());
      return s.moveOut(
          w.dtype() == DType.INT8
              ? int8(parts.get(0).narrow(0, from, rows), parts.get(1).narrow(0, from, rows))
              : nf4(parts, from * width, rows * width).reshape(rows, width));
    }
  }

  /** {@link Operations#unpack(Tensor, Tensor)}. */
  Tensor unpack(Tensor w, Tensor indices) {
    Quantised q = quantised(w);
    if (w.dtype() != DType.INT8) {
      throw new IllegalArgumentException(
          "%s %s has no rows of their own".formatted(w.dtype(), w.shape()));
    }
    try (TensorScope s = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      List<Tensor> parts = parts(q, w.device());
      return s.moveOut(int8(parts.get(0).indexSelect(indices), parts.get(1).indexSelect(indices)));
    }
  }

  private static Quantised quantised(Tensor w) {
    if (w.anyHandle() instanceof Quantised q) {
      return q;
    }
    throw new IllegalArgumentException(
        "unpack: %s %s is not quantised".formatted(w.dtype(), w.shape()));
  }

  /** The parts as tensors of the innermost scope, over the same storage. */
  private List<Tensor> parts(Quantised q, Device device) {
    long n = q.shape().elements();
    long blocks = Nf4.blocks(n);
    List<TensorHandle> h = q.parts();
    List<Tensor> all = new ArrayList<>();
    if (q.dtype() == DType.INT8) {
      all.add(part(h.get(0), DType.UINT8, q.shape(), device));
      all.add(part(h.get(1), DType.FP32, Shape.of(q.shape().size(0)), device));
      return all;
    }
    all.add(part(h.get(0), DType.UINT8, Shape.of(n / 2), device));
    boolean twice = h.size() > 2;
    all.add(part(h.get(1), twice ? DType.UINT8 : DType.FP32, Shape.of(blocks), device));
    if (twice) {
      all.add(part(h.get(2), DType.FP32, Shape.of(Nf4.groups(blocks)), device));
      all.add(part(h.get(3), DType.FP32, Shape.of(1), device));
    }
    return all;
  }

  private Tensor part(TensorHandle h, DType dtype, Shape shape, Device device) {
    return engine.adopt(engine.backend().detach(h), dtype, shape, device);
  }

  /** {@code codes} of rows times their factors. */
  private static Tensor int8(Tensor codes, Tensor factors) {
    Tensor bits = codes.cast(DType.FP32);
    Tensor negative = bits.div(128).cast(DType.INT64).cast(DType.FP32);
    return bits.sub(negative.mul(256)).mul(factors.reshape(factors.size(0), 1));
  }

  /** Some of the elements in row-major order. */
  private Tensor nf4(List<Tensor> parts, long start, long count) {
    long first = start / Nf4.BLOCK;
    long blocks = Nf4.blocks(start + count) - first;
    long from = first * Nf4.BLOCK / 2;
    long bytes = Math.min(parts.get(0).size(0), from + blocks * Nf4.BLOCK / 2) - from;
    Tensor codes = parts.get(0).narrow(0, from, bytes).cast(DType.INT64);
    Tensor values = engine.tensor(Nf4.pairs(), DType.FP32, Shape.of(256, 2)).indexSelect(codes);
    Tensor factors = factors(parts, first, blocks).reshape(blocks, 1).expand(blocks, Nf4.BLOCK);
    Tensor own = factors.reshape(-1).narrow(0, 0, 2 * bytes);
    return values.reshape(-1).mul(own).narrow(0, start - first * Nf4.BLOCK, count);
  }

  /** The factors of some blocks. */
  private Tensor factors(List<Tensor> parts, long first, long blocks) {
    Tensor stored = parts.get(1).narrow(0, first, blocks);
    if (parts.size() == 2) {
      return stored;
    }
    long group = first / Nf4.GROUP;
    long groups = Nf4.groups(first + blocks) - group;
    Tensor each = parts.get(2).narrow(0, group, groups).reshape(groups, 1);
    Tensor own =
        each.expand(groups, Nf4.GROUP).reshape(-1).narrow(0, first - group * Nf4.GROUP, blocks);
    Tensor values = engine.tensor(Nf4.factors(), DType.FP32, Shape.of(Nf4.GROUP));
    return values.indexSelect(stored.cast(DType.INT64)).mul(own).add(parts.get(3));
  }
}

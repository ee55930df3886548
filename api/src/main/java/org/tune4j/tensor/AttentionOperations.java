package org.tune4j.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.spi.Kernels;
import org.tune4j.spi.TensorHandle;

/** Attention for {@link Operations}: the backend's kernel where it has one, else primitives. */
final class AttentionOperations {
  private final Engine engine;
  private final Kernels kernels;
  private final Operations operations;

  AttentionOperations(Engine engine, Kernels kernels, Operations operations) {
    this.engine = engine;
    this.kernels = kernels;
    this.operations = operations;
  }

  /** {@link Operations#attention}. */
  Tensor attention(Tensor q, Tensor k, Tensor v, int[] rowEnds, AttentionSpec<Tensor> spec) {
    Operations.fits(
        q.shape().rank() == 3
            && k.shape().rank() == 3
            && k.shape().equals(v.shape())
            && q.size(0) == k.size(0)
            && q.size(2) == k.size(2)
            && q.size(1) % k.size(1) == 0
            && q.dtype() == k.dtype()
            && q.dtype() == v.dtype(),
        "attention",
        q,
        k,
        v);
    checkSinks(spec, q);
    checkRowEnds(rowEnds, q.size(0));
    TensorHandle h =
        kernels.attention(q.handle(), k.handle(), v.handle(), rowEnds, spec.map(Tensor::handle));
    if (h != null) {
      return engine.adopt(h, q.dtype(), Shape.of(q.size(0), q.size(1) * q.size(2)), q.device());
    }
    try (TensorScope s = engine.openScope()) {
      List<Tensor> rows = new ArrayList<>();
      int start = 0;
      for (int end : rowEnds) {
        int length = end - start;
        rows.add(
            attentionOfRow(
                q.narrow(0, start, length),
                k.narrow(0, start, length),
                v.narrow(0, start, length),
                causalMask(length, spec.window(), q.dtype()),
                spec));
        start = end;
      }
      return s.moveOut(rows.size() == 1 ? rows.get(0) : Tensor.cat(rows, 0));
    }
  }

  private static void checkRowEnds(int[] rowEnds, long n) {
    int last = 0;
    for (int end : rowEnds) {
      if (end <= last) {
        throw new IllegalArgumentException("attention: rowEnds does not ascend at " + end);
      }
      last = end;
    }
    if (last != n) {
      throw new IllegalArgumentException(
          "attention: rowEnds ends at %d, expected %d".formatted(last, n));
    }
  }

  private static void checkSinks(AttentionSpec<Tensor> spec, Tensor q) {
    Tensor sinks = spec.sinks();
    Operations.fits(
        sinks == null || (sinks.shape().equals(Shape.of(q.size(1))) && sinks.dtype() == q.dtype()),
        "attention's sinks",
        sinks == null ? q : sinks,
        q);
  }

  /** {@link Operations#cachedAttention}. */
  Tensor cachedAttention(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor cos,
      Tensor sin,
      Tensor keys,
      Tensor values,
      int at,
      Tensor mask,
      AttentionSpec<Tensor> spec) {
    Operations.fits(
        q.shape().rank() == 3
            && k.shape().equals(Shape.of(q.size(0), k.size(1), q.size(2)))
            && k.shape().equals(v.shape())
            && q.size(1) % k.size(1) == 0
            && cos.shape().equals(Shape.of(q.size(0), 1, q.size(2) / 2))
            && sin.shape().equals(cos.shape())
            && keys.shape().equals(Shape.of(k.size(1), keys.size(1), q.size(2)))
            && keys.shape().equals(values.shape())
            && mask.shape().equals(Shape.of(q.size(0), mask.size(1)))
            && at >= 0
            && at + q.size(0) <= mask.size(1)
            && mask.size(1) <= keys.size(1)
            && Stream.of(k, v, keys, values, mask).allMatch(t -> t.dtype() == q.dtype()),
        "cachedAttention at " + at,
        q,
        k,
        v,
        cos,
        sin,
        keys,
        values,
        mask);
    checkSinks(spec, q);
    TensorHandle h =
        kernels.cachedAttention(
            q.handle(),
            k.handle(),
            v.handle(),
            cos.handle(),
            sin.handle(),
            keys.handle(),
            values.handle(),
            at,
            mask.handle(),
            spec.map(Tensor::handle));
    if (h != null) {
      return engine.adopt(h, q.dtype(), Shape.of(q.size(0), q.size(1) * q.size(2)), q.device());
    }
    return cachedByPrimitives(q, k, v, cos, sin, keys, values, at, mask, spec);
  }

  private Tensor cachedByPrimitives(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor cos,
      Tensor sin,
      Tensor keys,
      Tensor values,
      int at,
      Tensor mask,
      AttentionSpec<Tensor> spec) {
    long m = q.size(0);
    long n = mask.size(1);
    try (TensorScope s = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      keys.narrow(1, at, m).copyFrom(operations.rope(k, cos, sin).transpose(0, 1));
      values.narrow(1, at, m).copyFrom(v.transpose(0, 1));
      return s.moveOut(
          attentionOfRow(
              operations.rope(q, cos, sin),
              keys.narrow(1, 0, n).transpose(0, 1),
              values.narrow(1, 0, n).transpose(0, 1),
              Casts.widen(mask),
              spec));
    }
  }

  /**
   * {@code m} queries over {@code n} keys. The queries of a key-value group are rows of one
   * product: {@code [kvHeads, group * m, headDim]}.
   *
   * @param mask {@code [m, n]}, fp32 or wider
   */
  private Tensor attentionOfRow(
      Tensor q, Tensor k, Tensor v, Tensor mask, AttentionSpec<Tensor> spec) {
    long m = q.size(0);
    long n = k.size(0);
    long heads = q.size(1);
    long dim = q.size(2);
    long kvHeads = k.size(1);
    long group = heads / kvHeads;
    Tensor queries = q.transpose(0, 1).reshape(kvHeads, group * m, dim);
    Tensor scores = queries.matmul(k.transpose(0, 1).transpose(1, 2)).mul(spec.scale());
    Tensor wide = Casts.widen(scores).reshape(kvHeads, group, m, n);
    if (spec.softCap() > 0) {
      wide = wide.div(spec.softCap()).tanh().mul(spec.softCap());
    }
    Tensor shares = softmax(wide.add(mask), spec.sinks());
    Tensor weights = Casts.narrowTo(shares, q.dtype()).reshape(kvHeads, group * m, n);
    Tensor mixed = weights.matmul(v.transpose(0, 1));
    return mixed.reshape(heads, m, dim).transpose(0, 1).reshape(m, heads * dim);
  }

  /**
   * The softmax over each query's scores and its head's sink, whose own share is dropped.
   *
   * @param scores {@code [kvHeads, group, m, n]}
   */
  private Tensor softmax(Tensor scores, @Nullable Tensor sinks) {
    if (sinks == null) {
      return operations.softmax(scores);
    }
    long kvHeads = scores.size(0);
    long group = scores.size(1);
    long m = scores.size(2);
    Tensor wide = Casts.narrowTo(sinks, scores.dtype());
    Tensor column = wide.reshape(kvHeads, group, 1, 1).expand(kvHeads, group, m, 1);
    return operations.softmax(Tensor.cat(List.of(scores, column), 3)).narrow(3, 0, scores.size(3));
  }

  /** {@code [n, n]}: 0 where a query sees a key, -1e30 elsewhere. */
  private Tensor causalMask(int n, int window, DType dtype) {
    float[] mask = new float[n * n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        boolean seen = j <= i && (window == 0 || i - j < window);
        mask[i * n + j] = seen ? 0 : -1e30f;
      }
    }
    return engine.tensor(mask, dtype == DType.FP64 ? DType.FP64 : DType.FP32, Shape.of(n, n));
  }
}

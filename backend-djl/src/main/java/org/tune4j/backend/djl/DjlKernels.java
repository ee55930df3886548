package org.tune4j.backend.djl;

import ai.djl.pytorch.engine.PtNDArray;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.tune4j.backend.djl.Script.Scalar;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.spi.Kernels;
import org.tune4j.spi.Quantised;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/** Each kernel is one method of {@link Script}. */
final class DjlKernels implements Kernels {
  /** From this many tokens in the longest row, SDPA's tiles beat whole score matrices on a CPU. */
  static final int LONG_ROW = 640;

  /** Bytes of a thread's tile of a widened weight; MKL is slower with smaller ones. */
  private static final long TILE = 4 << 20;

  private final DjlBackend backend;
  private final Storage storage;
  private final Script script;
  private final Unpacking unpacking;

  DjlKernels(DjlBackend backend, Storage storage, Script script) {
    this.backend = backend;
    this.storage = storage;
    this.script = script;
    this.unpacking = new Unpacking(backend, storage, script);
  }

  void close() {
    unpacking.close();
  }

  @Override
  public TensorHandle linear(TensorHandle x, TensorHandle w) {
    return backend.like(x, script.call("linear", backend.in(x), backend.in(w)));
  }

  @Override
  public @Nullable TensorHandle widenedLinear(TensorHandle x, TensorHandle w) {
    return widened("widened_linear", x, w);
  }

  @Override
  public @Nullable TensorHandle widenedLinearInput(TensorHandle g, TensorHandle w) {
    return widened("widened_linear_input", g, w);
  }

  private @Nullable TensorHandle widened(String method, TensorHandle x, TensorHandle w) {
    if (w instanceof Quantised q) {
      return q.dividesByRows() ? product(x, q, method.endsWith("input")) : null;
    }
    boolean before = backend.setGradientMode(false);
    try (Scalar tile = script.scalar((double) TILE * backend.threads())) {
      return backend.like(x, script.call(method, backend.in(x), backend.in(w), tile.array()));
    } finally {
      backend.setGradientMode(before);
    }
  }

  private TensorHandle product(TensorHandle x, Quantised w, boolean ofInput) {
    boolean before = backend.setGradientMode(false);
    try {
      long elements = TILE * backend.threads() / Float.BYTES;
      return backend.like(x, unpacking.product((DjlTensor) x, w, ofInput, elements));
    } finally {
      backend.setGradientMode(before);
    }
  }

  @Override
  public TensorHandle unpack(Quantised w, long from, long rows) {
    Device device = ((DjlTensor) w.parts().get(0)).device;
    return new DjlTensor(unpacking.rows(w, from, rows, false), DType.FP32, device);
  }

  /** In oneDNN's blocked layout, which a plain weight is brought into for every product again. */
  @Override
  public @Nullable TensorHandle pack(TensorHandle w) {
    PtNDArray plain = backend.in(w);
    DjlTensor t = (DjlTensor) w;
    boolean known =
        t.dtype == DType.FP32 || (t.dtype == DType.BF16 && script.ask("mkldnn_takes_bf16", plain));
    return known && t.device.type() == Device.Type.CPU
        ? backend.like(w, script.call("pack", plain))
        : null;
  }

  @Override
  public TensorHandle packedLinear(TensorHandle x, TensorHandle packed) {
    return backend.like(x, script.call("packed_linear", backend.in(x), backend.in(packed)));
  }

  @Override
  public TensorHandle loraLinear(
      TensorHandle x, TensorHandle w, TensorHandle a, TensorHandle b, double scale) {
    PtNDArray in = backend.in(x);
    try (Scalar s = script.scalar(scale)) {
      return backend.like(
          x,
          script.call("lora_linear", in, backend.in(w), backend.in(a), backend.in(b), s.array()));
    }
  }

  @Override
  public TensorHandle rmsNorm(TensorHandle x, TensorHandle w, double eps) {
    PtNDArray in = backend.in(x);
    try (Scalar e = script.scalar(eps)) {
      return backend.like(x, script.call("rms_norm", in, backend.in(w), e.array()));
    }
  }

  @Override
  public TensorHandle rope(TensorHandle x, TensorHandle cos, TensorHandle sin) {
    return backend.like(x, script.call("rope", backend.in(x), backend.in(cos), backend.in(sin)));
  }

  @Override
  public @Nullable TensorHandle attention(
      TensorHandle q,
      TensorHandle k,
      TensorHandle v,
      int[] rowEnds,
      AttentionSpec<TensorHandle> spec) {
    if (!spec.isPlain()) {
      return null;
    }
    PtNDArray q0 = backend.in(q);
    PtNDArray k0 = backend.in(k);
    PtNDArray v0 = backend.in(v);
    boolean cuda = ((DjlTensor) q).device.type() == Device.Type.CUDA;
    boolean flash = spec.window() == 0 && (cuda || longest(rowEnds) >= LONG_ROW);
    try (Scalar s = script.scalar(spec.scale());
        Scalar w = script.scalar(spec.window());
        PtNDArray ends = storage.int64(Arrays.stream(rowEnds).asLongStream().toArray())) {
      return backend.like(
          q,
          flash
              ? script.call("flash", q0, k0, v0, ends, s.array())
              : script.call("products", q0, k0, v0, ends, w.array(), s.array()));
    }
  }

  /** Up to 256 scores a head by SDPA, one operator; from there on products are faster. */
  @Override
  public @Nullable TensorHandle cachedAttention(
      TensorHandle q,
      TensorHandle k,
      TensorHandle v,
      TensorHandle cos,
      TensorHandle sin,
      TensorHandle keys,
      TensorHandle values,
      int at,
      TensorHandle mask,
      AttentionSpec<TensorHandle> spec) {
    if (!spec.isPlain()) {
      return null;
    }
    PtNDArray q0 = backend.in(q);
    boolean before = backend.setGradientMode(false);
    try (Scalar s = script.scalar(spec.scale());
        Scalar start = script.scalar(at)) {
      return backend.like(
          q,
          script.call(
              "cached_attention",
              q0,
              backend.in(k),
              backend.in(v),
              backend.in(cos),
              backend.in(sin),
              backend.in(keys),
              backend.in(values),
              start.array(),
              backend.in(mask),
              s.array()));
    } finally {
      backend.setGradientMode(before);
    }
  }

  private static int longest(int[] rowEnds) {
    int longest = 0;
    int start = 0;
    for (int end : rowEnds) {
      longest = Math.max(longest, end - start);
      start = end;
    }
    return longest;
  }

  @Override
  public TensorHandle swiGlu(TensorHandle gate, TensorHandle up) {
    return backend.like(gate, script.call("swiglu", backend.in(gate), backend.in(up)));
  }

  @Override
  public TensorHandle solveUnitLower(TensorHandle a, TensorHandle b) {
    return backend.like(b, script.call("solve_unit_lower", backend.in(a), backend.in(b)));
  }

  @Override
  public TensorHandle crossEntropy(TensorHandle logits, TensorHandle labels) {
    DjlTensor x = (DjlTensor) logits;
    DType wide = x.dtype == DType.FP64 ? DType.FP64 : DType.FP32;
    return new DjlTensor(
        script.call("cross_entropy", backend.in(logits), backend.in(labels)), wide, x.device);
  }

  @Override
  public @Nullable TensorHandle crossEntropyGradient(TensorHandle logits, TensorHandle labels) {
    DjlTensor x = (DjlTensor) logits;
    if (x.dtype == DType.FP16) {
      return null;
    }
    DType wide = x.dtype == DType.FP64 ? DType.FP64 : DType.FP32;
    return new DjlTensor(
        script.call("cross_entropy_gradient", backend.in(logits), backend.in(labels)),
        wide,
        x.device);
  }

  @Override
  public boolean adamW(
      TensorHandle parameter,
      TensorHandle gradient,
      TensorHandle m,
      TensorHandle v,
      long step,
      double lr,
      double beta1,
      double beta2,
      double eps,
      double weightDecay) {
    PtNDArray p = backend.in(parameter);
    double rate = lr / (1 - Math.pow(beta1, (double) step));
    double correction = Math.sqrt(1 - Math.pow(beta2, (double) step));
    boolean before = backend.setGradientMode(false);
    try (PtNDArray h = storage.fp64(beta1, beta2, eps, 1 - lr * weightDecay, -rate, correction)) {
      script.call("adamw", p, backend.in(gradient), backend.in(m), backend.in(v), h).close();
      return true;
    } finally {
      backend.setGradientMode(before);
    }
  }
}

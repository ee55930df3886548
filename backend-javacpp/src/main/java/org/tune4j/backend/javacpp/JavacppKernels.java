package org.tune4j.backend.javacpp;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.spi.Kernels;
import org.tune4j.spi.Quantised;
import org.tune4j.spi.TensorHandle;

/** Operations in as few ATen calls, and passes over memory, as autograd allows. */
final class JavacppKernels implements Kernels {
  private final Threads threads;
  private final AttentionKernel attention;
  private final Packing packing;
  private final Unpacking unpacking;
  private final Widening widening;

  JavacppKernels(Threads threads) {
    this.threads = threads;
    this.attention = new AttentionKernel();
    this.packing = new Packing();
    this.unpacking = new Unpacking();
    this.widening = new Widening(threads, unpacking);
  }

  void close() {
    attention.close();
    packing.close();
    unpacking.close();
  }

  @Override
  public TensorHandle linear(TensorHandle x, TensorHandle w) {
    threads.beforeProduct();
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(torch.linear(Handle.of(x), Handle.of(w)));
    }
  }

  @Override
  public TensorHandle unpack(Quantised w, long from, long rows) {
    try (PointerScope s = new PointerScope()) {
      Tensor like = Handle.of(w.parts().get(1));
      Tensor all =
          torch.empty(
              new long[] {rows, w.shape().size(1)},
              like.options().dtype(new ScalarTypeOptional(ScalarType.Float)),
              null);
      unpacking.rows(w, from, all);
      return Handle.keep(all);
    }
  }

  @Override
  public @Nullable TensorHandle widenedLinear(TensorHandle x, TensorHandle w) {
    if (w instanceof Quantised q && !q.dividesByRows()) {
      return null;
    }
    threads.beforeProduct();
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(widening.linear(Handle.of(x), w));
    }
  }

  @Override
  public @Nullable TensorHandle widenedLinearInput(TensorHandle g, TensorHandle w) {
    if (w instanceof Quantised q && !q.dividesByRows()) {
      return null;
    }
    threads.beforeProduct();
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(widening.linearInput(Handle.of(g), w));
    }
  }

  @Override
  public @Nullable TensorHandle pack(TensorHandle w) {
    return packing.pack(Handle.of(w));
  }

  @Override
  public TensorHandle packedLinear(TensorHandle x, TensorHandle packed) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(packing.linear(Handle.of(x), Handle.of(packed)));
    }
  }

  /** The adapter's product is added to the frozen one's result where it lies. */
  @Override
  public TensorHandle loraLinear(
      TensorHandle x, TensorHandle w, TensorHandle a, TensorHandle b, double scale) {
    threads.beforeProduct();
    try (PointerScope s = new PointerScope()) {
      Tensor in = Handle.of(x);
      Tensor low = torch.linear(in, Handle.of(a));
      Tensor out = torch.linear(in, Handle.of(w));
      return Handle.keep(out.addmm_(low, Handle.of(b).t(), new Scalar(1.0), new Scalar(scale)));
    }
  }

  @Override
  public TensorHandle rmsNorm(TensorHandle x, TensorHandle w, double eps) {
    try (PointerScope s = new PointerScope()) {
      Tensor in = Handle.of(x);
      Tensor wide = widen(in);
      // By the norm: its backward takes fewer passes than that of square and mean.
      Tensor norm =
          torch.linalg_vector_norm(
              wide, new Scalar(2.0), new long[] {-1}, true, new ScalarTypeOptional());
      Tensor least = torch.full(new long[] {1}, new Scalar(eps), norm.options());
      Tensor mean = least.addcmul(norm, norm, new Scalar(1.0 / in.size(-1)));
      Tensor normed = wide.mul(mean.rsqrt());
      return Handle.keep(narrow(normed, in.scalar_type().intern()).mul(Handle.of(w)));
    }
  }

  @Override
  public TensorHandle rope(TensorHandle x, TensorHandle cos, TensorHandle sin) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(rotated(Handle.of(x), Handle.of(cos), Handle.of(sin)));
    }
  }

  private static Tensor rotated(Tensor x, Tensor cos, Tensor sin) {
    // Split and not narrowed: its backward is one concatenation instead of sums of zeros.
    TensorVector halves = widen(x).split(x.size(2) / 2, 2);
    Tensor first = halves.get(0);
    Tensor second = halves.get(1);
    Tensor out =
        torch.cat(
            new TensorVector(
                first.mul(cos).addcmul(second, sin, new Scalar(-1.0)),
                second.mul(cos).addcmul(first, sin, new Scalar(1.0))),
            2);
    return narrow(out, x.scalar_type().intern());
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
    threads.beforeProduct();
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(
          attention.of(
              Handle.of(q), Handle.of(k), Handle.of(v), rowEnds, spec.window(), spec.scale()));
    }
  }

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
    threads.beforeProduct();
    boolean before = GradMode.is_enabled();
    GradMode.set_enabled(false);
    try (PointerScope s = new PointerScope()) {
      Tensor queries = Handle.of(q);
      long m = queries.size(0);
      long heads = queries.size(1);
      long kvHeads = Handle.of(k).size(1);
      Tensor both = torch.cat(new TensorVector(queries, Handle.of(k)), 1);
      Tensor turned = rotated(both, Handle.of(cos), Handle.of(sin));
      Tensor k0 = Handle.of(keys);
      Tensor v0 = Handle.of(values);
      k0.narrow(1, at, m).copy_(turned.narrow(1, heads, kvHeads).transpose(0, 1));
      v0.narrow(1, at, m).copy_(Handle.of(v).transpose(0, 1));
      return Handle.keep(
          AttentionKernel.cached(
              turned.narrow(1, 0, heads), k0, v0, Handle.of(mask), spec.scale()));
    } finally {
      GradMode.set_enabled(before);
    }
  }

  @Override
  public TensorHandle swiGlu(TensorHandle gate, TensorHandle up) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(torch.silu(Handle.of(gate)).mul(Handle.of(up)));
    }
  }

  @Override
  public TensorHandle solveUnitLower(TensorHandle a, TensorHandle b) {
    threads.beforeProduct();
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(
          torch.linalg_solve_triangular(Handle.of(a), Handle.of(b), false, true, true));
    }
  }

  @Override
  public TensorHandle crossEntropy(TensorHandle logits, TensorHandle labels) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(CrossEntropyKernel.sum(Handle.of(logits), Handle.of(labels)));
    }
  }

  @Override
  public @Nullable TensorHandle crossEntropyGradient(TensorHandle logits, TensorHandle labels) {
    try (PointerScope s = new PointerScope()) {
      Tensor sum = CrossEntropyKernel.gradient(Handle.of(logits), Handle.of(labels));
      return sum == null ? null : Handle.keep(sum);
    }
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
    boolean before = GradMode.is_enabled();
    GradMode.set_enabled(false);
    try (PointerScope s = new PointerScope()) {
      Tensor g = widen(Handle.of(gradient));
      Tensor m0 = Handle.of(m);
      Tensor v0 = Handle.of(v);
      Tensor p0 = Handle.of(parameter);
      Tensor mean = widen(m0).mul_(new Scalar(beta1)).add_(g, new Scalar(1 - beta1));
      Tensor square = widen(v0).mul_(new Scalar(beta2)).addcmul_(g, g, new Scalar(1 - beta2));
      Tensor denominator =
          square
              .sqrt()
              .div_(new Scalar(Math.sqrt(1 - Math.pow(beta2, (double) step))))
              .add_(new Scalar(eps));
      Tensor p = widen(p0).mul_(new Scalar(1 - lr * weightDecay));
      p.addcdiv_(mean, denominator, new Scalar(-lr / (1 - Math.pow(beta1, (double) step))));
      store(m0, mean);
      store(v0, square);
      store(p0, p);
    } finally {
      GradMode.set_enabled(before);
    }
    return true;
  }

  private static void store(Tensor target, Tensor value) {
    if (target.scalar_type().intern() != value.scalar_type().intern()) {
      target.copy_(value);
    }
  }

  /** In fp32, or as it is where that is no less. */
  private static Tensor widen(Tensor t) {
    ScalarType type = t.scalar_type().intern();
    return type == ScalarType.Float || type == ScalarType.Double ? t : t.to(ScalarType.Float);
  }

  private static Tensor narrow(Tensor t, ScalarType type) {
    return t.scalar_type().intern() == type ? t : t.to(type);
  }
}

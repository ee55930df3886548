package org.tune4j.backend.javacpp;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.tune4j.spi.Kernels;
import org.tune4j.spi.TensorHandle;

/** Operations in as few ATen calls, and passes over memory, as autograd allows. */
final class JavacppKernels implements Kernels {
  /** torch.nn.functional's number for a reduction to a sum. */
  private static final long SUM = 2;

  private final Threads threads;
  private final Attention attention;

  JavacppKernels(Threads threads) {
    this.threads = threads;
    this.attention = new Attention();
  }

  void close() {
    attention.close();
  }

  @Override
  public TensorHandle linear(TensorHandle x, TensorHandle w) {
    threads.beforeProduct();
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(torch.linear(Handle.of(x), Handle.of(w)));
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
      Tensor in = Handle.of(x);
      Tensor c = Handle.of(cos);
      Tensor d = Handle.of(sin);
      // Split and not narrowed: its backward is one concatenation instead of sums of zeros.
      TensorVector halves = widen(in).split(in.size(2) / 2, 2);
      Tensor first = halves.get(0);
      Tensor second = halves.get(1);
      Tensor out =
          torch.cat(
              new TensorVector(
                  first.mul(c).addcmul(second, d, new Scalar(-1.0)),
                  second.mul(c).addcmul(first, d, new Scalar(1.0))),
              2);
      return Handle.keep(narrow(out, in.scalar_type().intern()));
    }
  }

  @Override
  public TensorHandle attention(
      TensorHandle q, TensorHandle k, TensorHandle v, int[] rowEnds, int window, double scale) {
    threads.beforeProduct();
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(
          attention.of(Handle.of(q), Handle.of(k), Handle.of(v), rowEnds, window, scale));
    }
  }

  @Override
  public TensorHandle attentionAtEnd(
      TensorHandle q, TensorHandle k, TensorHandle v, int window, double scale) {
    threads.beforeProduct();
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(attention.atEnd(Handle.of(q), Handle.of(k), Handle.of(v), window, scale));
    }
  }

  @Override
  public TensorHandle swiGlu(TensorHandle gate, TensorHandle up) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(torch.silu(Handle.of(gate)).mul(Handle.of(up)));
    }
  }

  @Override
  public TensorHandle crossEntropy(TensorHandle logits, TensorHandle labels) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(
          torch.cross_entropy_loss(
              widen(Handle.of(logits)), Handle.of(labels), new TensorOptional(), SUM, -100, 0.0));
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

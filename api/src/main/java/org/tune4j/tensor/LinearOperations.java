package org.tune4j.tensor;

import java.util.List;
import java.util.Optional;
import org.tune4j.spi.Kernels;
import org.tune4j.spi.TensorHandle;

/** Linears for {@link Operations}: the backend's kernel where it has one, else primitives. */
final class LinearOperations {
  private final Engine engine;
  private final Kernels kernels;

  LinearOperations(Engine engine, Kernels kernels) {
    this.engine = engine;
    this.kernels = kernels;
  }

  private Tensor result(TensorHandle h, Tensor like, long... sizes) {
    return engine.adopt(h, like.dtype(), Shape.of(sizes), like.device());
  }

  /** {@link Operations#linear(Tensor, Tensor)}. */
  Tensor linear(Tensor x, Tensor w) {
    Operations.fits(
        x.shape().rank() == 2
            && w.shape().rank() == 2
            && x.size(1) == w.size(1)
            && x.dtype() == w.dtype(),
        "linear",
        x,
        w);
    TensorHandle h = kernels.linear(x.handle(), w.handle());
    return h != null ? result(h, x, x.size(0), w.size(0)) : x.matmul(w.transpose(0, 1));
  }

  /** {@link Operations#widenedLinear}. */
  Tensor widenedLinear(Tensor x, Tensor w) {
    Operations.fits(
        x.shape().rank() == 2 && x.size(1) == w.size(1) && widens(w, x), "widenedLinear", x, w);
    TensorHandle h = kernels.widenedLinear(x.handle(), w.anyHandle());
    if (h != null) {
      return result(h, x, x.size(0), w.size(0));
    }
    try (TensorScope s = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      return s.moveOut(linear(x, w.cast(x.dtype())));
    }
  }

  /** {@link Operations#widenedLinearInput}. */
  Tensor widenedLinearInput(Tensor gradient, Tensor w) {
    Operations.fits(
        gradient.shape().rank() == 2 && gradient.size(1) == w.size(0) && widens(w, gradient),
        "widenedLinearInput",
        gradient,
        w);
    TensorHandle h = kernels.widenedLinearInput(gradient.handle(), w.anyHandle());
    if (h != null) {
      return result(h, gradient, gradient.size(0), w.size(1));
    }
    try (TensorScope s = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      return s.moveOut(gradient.matmul(w.cast(gradient.dtype())));
    }
  }

  private static boolean widens(Tensor w, Tensor to) {
    DType dtype = w.dtype();
    return w.shape().rank() == 2
        && (dtype.isQuantised()
            ? to.dtype().isFloating()
            : dtype.isFloating() && dtype.bytes() < to.dtype().bytes());
  }

  /** {@link Operations#pack}. */
  Optional<PackedWeight> pack(Tensor w) {
    Operations.fits(w.shape().rank() == 2, "pack", w);
    TensorHandle h = kernels.pack(w.handle());
    return h == null
        ? Optional.empty()
        : Optional.of(new PackedWeight(result(h, w, w.shape().toArray())));
  }

  /** {@link Operations#linear(Tensor, PackedWeight)}. */
  Tensor linear(Tensor x, PackedWeight w) {
    Tensor packed = w.packed();
    Operations.fits(
        x.shape().rank() == 2 && x.size(1) == packed.size(1) && x.dtype() == packed.dtype(),
        "linear",
        x,
        packed);
    TensorHandle h = kernels.packedLinear(x.handle(), packed.handle());
    if (h == null) {
      throw new IllegalStateException(
          "backend '%s' packs weights and declines packedLinear"
              .formatted(engine.backend().name()));
    }
    return result(h, x, x.size(0), packed.size(0));
  }

  /** {@link Operations#loraLinear}. */
  Tensor loraLinear(Tensor x, Tensor w, Tensor a, Tensor b, double scale) {
    Operations.fits(
        x.shape().rank() == 2
            && w.shape().rank() == 2
            && x.size(1) == w.size(1)
            && a.shape().equals(Shape.of(a.size(0), x.size(1)))
            && b.shape().equals(Shape.of(w.size(0), a.size(0)))
            && x.dtype() == w.dtype()
            && x.dtype() == a.dtype()
            && x.dtype() == b.dtype(),
        "loraLinear",
        x,
        w,
        a,
        b);
    TensorHandle h = kernels.loraLinear(x.handle(), w.handle(), a.handle(), b.handle(), scale);
    if (h != null) {
      return result(h, x, x.size(0), w.size(0));
    }
    try (TensorScope s = engine.openScope()) {
      return s.moveOut(linear(x, w).add(linear(linear(x, a), b).mul(scale)));
    }
  }

  /** {@link Operations#solveUnitLower}. */
  Tensor solveUnitLower(Tensor a, Tensor b) {
    Operations.fits(
        a.shape().rank() == 3
            && b.shape().rank() == 3
            && a.shape().equals(Shape.of(b.size(0), b.size(1), b.size(1)))
            && a.dtype() == b.dtype(),
        "solveUnitLower",
        a,
        b);
    try (TensorScope s = engine.openScope()) {
      Tensor system = Casts.widen(a);
      Tensor wide = Casts.widen(b);
      TensorHandle h = kernels.solveUnitLower(system.handle(), wide.handle());
      Tensor x = h == null ? halved(system, wide) : result(h, wide, b.shape().toArray());
      return s.moveOut(Casts.narrowTo(x, b.dtype()));
    }
  }

  /** The upper half first, then the lower one without what the upper contributes. */
  private static Tensor halved(Tensor a, Tensor b) {
    long n = b.size(1);
    if (n == 1) {
      return b.mul(1);
    }
    long top = n / 2;
    long rest = n - top;
    Tensor upper = halved(a.narrow(1, 0, top).narrow(2, 0, top), b.narrow(1, 0, top));
    Tensor across = a.narrow(1, top, rest).narrow(2, 0, top).matmul(upper);
    Tensor lower =
        halved(a.narrow(1, top, rest).narrow(2, top, rest), b.narrow(1, top, rest).sub(across));
    return Tensor.cat(List.of(upper, lower), 1);
  }
}

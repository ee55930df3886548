package org.tune4j.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.spi.Quantised;
import org.tune4j.spi.TensorHandle;

/**
 * An array of numbers on a device, owned by a {@link TensorScope}. Operations return new tensors
 * owned by the calling thread's innermost scope; views share storage. Arguments of one operation
 * have one type and one device, and shapes broadcast only where a method says so.
 */
public final class Tensor extends TensorArithmetic {
  private final TensorHandle handle;
  private final @Nullable Throwable made;
  private volatile @Nullable TensorScope scope;

  Tensor(
      Engine engine,
      TensorHandle handle,
      DType dtype,
      Shape shape,
      Device device,
      TensorScope scope,
      @Nullable Throwable made) {
    super(engine, dtype, shape, device);
    this.handle = handle;
    this.made = made;
    this.scope = scope;
    scope.add(this);
  }

  /**
   * {@return what the backend knows this tensor as; valid until the owner closes}
   *
   * @throws IllegalStateException when the owner or the engine is closed, or this is quantised
   */
  @Override
  public TensorHandle handle() {
    if (dtype.isQuantised()) {
      throw new IllegalStateException(
          "%s %s can only be multiplied with or cast; cast it first".formatted(dtype, shape));
    }
    return anyHandle();
  }

  /** The same, of quantised tensors too. */
  TensorHandle anyHandle() {
    engine.checkOpen();
    if (scope == null) {
      throw new IllegalStateException(
          "%s %s is used after its scope was closed; move it out with scope.moveOut(tensor)%s"
              .formatted(dtype, shape, origin()));
    }
    return handle;
  }

  /**
   * Hands this tensor to another owner, of any thread.
   *
   * @param target open
   * @return this
   * @throws IllegalStateException when either is closed
   */
  public Tensor moveTo(TensorScope target) {
    TensorHandle unused = anyHandle();
    TensorScope before = scope;
    if (before != null && before != target) {
      target.add(this);
      before.remove(this);
      scope = target;
    }
    return this;
  }

  /** Releases it ahead of its owner. Releasing twice is harmless. */
  public void close() {
    TensorScope owner = scope;
    if (owner != null) {
      owner.remove(this);
      release();
    }
  }

  void release() {
    if (scope != null) {
      scope = null;
      if (handle instanceof Quantised q) {
        q.parts().forEach(engine.backend()::release);
      } else {
        engine.backend().release(handle);
      }
    }
  }

  /** Gives the handle to another tensor, which releases it. */
  TensorHandle giveUp() {
    TensorHandle own = handle();
    TensorScope owner = scope;
    if (owner != null) {
      owner.remove(this);
      scope = null;
    }
    return own;
  }

  String origin() {
    if (made == null) {
      return "";
    }
    for (StackTraceElement e : made.getStackTrace()) {
      if (!e.getClassName().startsWith("org.tune4j.tensor.")) {
        return " made at " + e;
      }
    }
    return "";
  }

  // Views

  /**
   * {@return the same elements in another shape; a view where this is contiguous}
   *
   * @param sizes one may be -1, which takes what is left
   * @throws IllegalArgumentException when the element counts differ
   */
  @Override
  public Tensor reshape(long... sizes) {
    Shape target = shape.filledBy(sizes);
    return result(engine.backend().reshape(handle(), target), target);
  }

  /**
   * {@return a view of a stretch of a dimension; of a quantised tensor's rows, a copy in fp32}
   *
   * @param dim negative counts from the last
   * @param start from 0
   * @param length may be 0
   * @throws IllegalArgumentException when they lie outside
   */
  public Tensor narrow(int dim, long start, long length) {
    int d = shape.dim(dim);
    if (start < 0 || length < 0 || start + length > shape.size(d)) {
      throw new IllegalArgumentException(
          "narrow %s: %d..%d lies outside dimension %d".formatted(shape, start, start + length, d));
    }
    if (dtype.isQuantised() && d == 0) {
      return engine.operations().unpack(this, start, length);
    }
    return result(engine.backend().narrow(handle(), d, start, length), shape.with(d, length));
  }

  // Copies

  /** {@return the same elements in row-major order; may share storage where they already are} */
  public Tensor contiguous() {
    return result(engine.backend().contiguous(handle()), shape);
  }

  /**
   * {@return the values rounded to another type; a new tensor also where the type is the same}
   *
   * @param to one of the backend's types
   * @throws org.tune4j.UsageException when the backend has no such type
   */
  public Tensor cast(DType to) {
    engine.check(to);
    if (!dtype.isQuantised()) {
      return engine.adopt(engine.backend().cast(handle(), to), to, shape, device);
    }
    try (TensorScope s = engine.openScope()) {
      Tensor all = engine.operations().unpack(this, 0, shape.size(0));
      return s.moveOut(to == DType.FP32 ? all : all.cast(to));
    }
  }

  /**
   * {@return a copy on a device of this backend}
   *
   * @param to may be where it lies already
   * @throws org.tune4j.EnvironmentException when the backend does not see the device
   */
  public Tensor copyTo(Device to) {
    engine.check(to);
    return engine.adopt(engine.backend().copyTo(handle(), to), dtype, shape, to);
  }

  /**
   * {@return tensors joined along a dimension}
   *
   * @param parts one or more, of one type, equal in the other sizes
   * @param dim negative counts from the last
   * @throws IllegalArgumentException when they do not fit
   */
  public static Tensor cat(List<Tensor> parts, int dim) {
    Tensor first = parts.get(0);
    int d = first.shape.dim(dim);
    long n = 0;
    for (Tensor p : parts) {
      first.checkSame(p, "cat");
      if (p.shape.rank() != first.shape.rank()
          || !p.shape.with(d, 0).equals(first.shape.with(d, 0))) {
        throw new IllegalArgumentException(
            "cat along %d: shapes %s and %s differ elsewhere".formatted(d, first.shape, p.shape));
      }
      n += p.shape.size(d);
    }
    TensorHandle h = first.engine.backend().cat(parts.stream().map(Tensor::handle).toList(), d);
    return first.result(h, first.shape.with(d, n));
  }

  /**
   * Overwrites this tensor's elements, through views, without recording.
   *
   * @param source of the same shape; another type is cast
   * @throws IllegalArgumentException when the shape is another
   */
  public void copyFrom(Tensor source) {
    if (!source.shape.equals(shape)) {
      throw new IllegalArgumentException("copy: %s does not fit %s".formatted(source.shape, shape));
    }
    engine.backend().copyInto(handle(), source.handle());
  }

  // Autograd

  /** {@return the same storage outside any graph} */
  public Tensor detach() {
    return result(engine.backend().detach(handle()), shape);
  }

  /**
   * {@return a new leaf over the same storage that collects a gradient}
   *
   * @throws IllegalArgumentException when the type is not floating
   */
  public Tensor leaf() {
    checkFloating("leaf");
    Tensor t = detach();
    engine.backend().requireGradient(t.handle());
    return t;
  }

  /** {@return whether it is a leaf, or was computed from one while recording was on} */
  public boolean requiresGradient() {
    return engine.backend().requiresGradient(handle());
  }

  /**
   * Adds the gradient of this scalar to every leaf's and frees the graph.
   *
   * @throws IllegalArgumentException when it has more than one element
   * @throws IllegalStateException when it depends on no leaf
   */
  public void backward() {
    if (shape.elements() != 1) {
      throw new IllegalArgumentException(
          "backward: %s is not a scalar; give a gradient".formatted(shape));
    }
    backward(engine.tensor(new float[] {1}, dtype, shape));
  }

  /**
   * Adds to every leaf's gradient what is sent back from here; frees the graph.
   *
   * @param gradient in this shape and type
   * @throws IllegalArgumentException when it is not
   * @throws IllegalStateException when this depends on no leaf
   */
  public void backward(Tensor gradient) {
    checkSame(gradient, "backward");
    if (!gradient.shape.equals(shape)) {
      throw new IllegalArgumentException(
          "backward: gradient %s, expected %s".formatted(gradient.shape, shape));
    }
    if (!requiresGradient()) {
      throw new IllegalStateException("backward: %s %s depends on no leaf".formatted(dtype, shape));
    }
    engine.backend().backward(handle(), gradient.handle());
  }

  /**
   * {@return what this leaf has collected, sharing its storage; empty where there is nothing yet}
   */
  public Optional<Tensor> gradient() {
    TensorHandle g = engine.backend().gradient(handle());
    return g == null ? Optional.empty() : Optional.of(result(g, shape));
  }

  /**
   * Lets go of this leaf's values: from here on only its shape and its gradient may be used. Views
   * of it stay as they are.
   */
  public void dropValues() {
    engine.backend().dropValues(handle());
  }

  /**
   * {@return a tensor from which {@link #backward(Tensor)} does what it does from here; its values
   * are undefined, and do not keep those of this one}
   */
  public Tensor gradientEdge() {
    return result(engine.backend().gradientEdge(handle(), shape), shape);
  }

  /** Forgets what this leaf has collected. */
  public void clearGradient() {
    engine.backend().clearGradient(handle());
  }

  // Values

  /** {@return a direct buffer with a copy of the little-endian elements in row-major order} */
  public ByteBuffer bytes() {
    ByteBuffer b = ByteBuffer.allocateDirect(Math.toIntExact(shape.elements() * dtype.bytes()));
    read(b);
    return b.order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Copies the little-endian elements in row-major order out.
   *
   * @param into direct, with room for exactly these
   * @throws IllegalArgumentException when it is not
   */
  public void read(ByteBuffer into) {
    long expected = shape.elements() * dtype.bytes();
    if (into.capacity() != expected || !into.isDirect()) {
      throw new IllegalArgumentException(
          "read %s %s: a direct buffer of %d bytes is needed".formatted(dtype, shape, expected));
    }
    if (expected > 0) {
      engine.backend().read(handle(), into.clear().order(ByteOrder.LITTLE_ENDIAN));
    }
  }

  /** {@return the values as fp32, in row-major order} */
  public float[] toFloats() {
    float[] out = new float[Math.toIntExact(shape.elements())];
    try (TensorScope s = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Tensor t = dtype == DType.FP32 ? this : cast(DType.FP32);
      t.bytes().asFloatBuffer().get(out);
    }
    return out;
  }

  /** {@return the values as fp64, in row-major order} */
  public double[] toDoubles() {
    double[] out = new double[Math.toIntExact(shape.elements())];
    if (!engine.backend().dtypes().contains(DType.FP64)) {
      float[] narrow = toFloats();
      for (int i = 0; i < out.length; i++) {
        out[i] = narrow[i];
      }
      return out;
    }
    try (TensorScope s = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Tensor t = dtype == DType.FP64 ? this : cast(DType.FP64);
      t.bytes().asDoubleBuffer().get(out);
    }
    return out;
  }

  /**
   * {@return the values in row-major order}
   *
   * @throws IllegalArgumentException when the type is not int64
   */
  public long[] toLongs() {
    if (dtype != DType.INT64) {
      throw new IllegalArgumentException("toLongs: dtype is " + dtype + ", expected int64");
    }
    long[] out = new long[Math.toIntExact(shape.elements())];
    bytes().asLongBuffer().get(out);
    return out;
  }

  /**
   * {@return the one value of a tensor with one element}
   *
   * @throws IllegalArgumentException when it has more
   */
  public double item() {
    if (shape.elements() != 1) {
      throw new IllegalArgumentException(
          "item: %s has %d elements".formatted(shape, shape.elements()));
    }
    return toDoubles()[0];
  }

  @Override
  public String toString() {
    return "%s %s on %s".formatted(dtype, shape, device);
  }
}

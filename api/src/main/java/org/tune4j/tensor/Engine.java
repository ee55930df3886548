package org.tune4j.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.UsageException;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Capability;
import org.tune4j.spi.KernelMemory;
import org.tune4j.spi.Quantised;
import org.tune4j.spi.TensorHandle;

/**
 * An opened backend: makes tensors, opens scopes, holds the {@link Operations}. Opened with {@link
 * org.tune4j.spi.Backends#open}; closed once, after every scope.
 */
public final class Engine implements AutoCloseable {
  private final Backend backend;
  private final Device device;
  private final KernelMemory kernelMemory;
  private final Operations operations;
  private final ThreadLocal<@Nullable TensorScope> scopes = new ThreadLocal<>();
  private final Set<TensorScope> open = ConcurrentHashMap.newKeySet();
  private final boolean trackOrigins;
  private volatile boolean closed;

  private Engine(Backend backend, KernelMemory kernelMemory, Device device, boolean trackOrigins) {
    this.backend = backend;
    this.kernelMemory = kernelMemory;
    this.device = device;
    this.trackOrigins = trackOrigins;
    this.operations = new Operations(this, backend.kernels());
  }

  /**
   * Opens a provider's backend. {@code tune4j.debug.leaks=true} as a system property makes leaks
   * name their line.
   *
   * @param provider of the backend
   * @param options where new tensors lie, and threads
   * @return open; the caller closes it
   * @throws EnvironmentException when natives or the device are missing
   */
  public static Engine open(BackendProvider provider, BackendOptions options) {
    Backend backend = provider.open(options);
    try {
      check(options.device(), backend);
    } catch (EnvironmentException e) {
      backend.close();
      throw e;
    }
    return new Engine(
        backend,
        provider.kernelMemory(),
        options.device(),
        Boolean.getBoolean("tune4j.debug.leaks"));
  }

  /** {@return the primitives below; {@link Tensor} calls them with checked arguments} */
  public Backend backend() {
    return backend;
  }

  /** {@return what the backend's kernels keep for backward} */
  public KernelMemory kernelMemory() {
    return kernelMemory;
  }

  /** {@return where new tensors lie} */
  public Device device() {
    return device;
  }

  /** {@return the operations, with the backend's kernels where it has them} */
  public Operations operations() {
    return operations;
  }

  /** {@return the operations over primitives alone: what kernels are compared with} */
  public Operations defaultOperations() {
    return new Operations(this, org.tune4j.spi.Kernels.NONE);
  }

  /**
   * Opens a scope inside the calling thread's innermost one.
   *
   * @return open; the calling thread closes it
   * @throws IllegalStateException when the engine is closed
   */
  public TensorScope openScope() {
    checkOpen();
    TensorScope scope = new TensorScope(this, scopes.get());
    scopes.set(scope);
    open.add(scope);
    return scope;
  }

  void pop(TensorScope scope) {
    if (scopes.get() != scope) {
      throw new IllegalStateException(
          "a scope opened later in this thread is still open; close that first");
    }
    if (scope.parent() == null) {
      scopes.remove();
    } else {
      scopes.set(scope.parent());
    }
    open.remove(scope);
  }

  /**
   * Stops recording for gradients in this thread.
   *
   * @return closed by this thread to restore what was
   */
  public NoGradient noGradient() {
    return new NoGradient(backend, backend.setGradientMode(false));
  }

  /** {@return whether this thread's operations are recorded for gradients} */
  public boolean recording() {
    boolean on = backend.setGradientMode(false);
    backend.setGradientMode(on);
    return on;
  }

  /** Restores what {@link Engine#noGradient} changed. */
  public static final class NoGradient implements AutoCloseable {
    private final Backend backend;
    private final boolean before;

    NoGradient(Backend backend, boolean before) {
      this.backend = backend;
      this.before = before;
    }

    @Override
    public void close() {
      backend.setGradientMode(before);
    }
  }

  /**
   * {@return zeros on this engine's device}
   *
   * @param dtype one of the backend's
   * @param shape of the tensor
   * @throws UsageException when the backend has no such type
   */
  public Tensor zeros(DType dtype, Shape shape) {
    check(dtype);
    return adopt(backend.zeros(dtype, shape, device), dtype, shape, device);
  }

  /**
   * {@return a copy of fp32 values, cast}
   *
   * @param values in row-major order
   * @param dtype of the tensor
   * @param shape with as many elements
   * @throws IllegalArgumentException when their number is another
   */
  public Tensor tensor(float[] values, DType dtype, Shape shape) {
    ByteBuffer b =
        ByteBuffer.allocateDirect(Math.multiplyExact(values.length, 4))
            .order(ByteOrder.LITTLE_ENDIAN);
    b.asFloatBuffer().put(values);
    return cast(tensor(b, DType.FP32, shape), dtype);
  }

  /**
   * {@return a copy of fp64 values, cast; by way of fp32 where the backend has no fp64}
   *
   * @param values in row-major order
   * @param dtype of the tensor
   * @param shape with as many elements
   * @throws IllegalArgumentException when their number is another
   */
  public Tensor tensor(double[] values, DType dtype, Shape shape) {
    if (!backend.dtypes().contains(DType.FP64) && dtype != DType.FP64) {
      float[] rounded = new float[values.length];
      for (int i = 0; i < rounded.length; i++) {
        rounded[i] = (float) values[i];
      }
      return tensor(rounded, dtype, shape);
    }
    ByteBuffer b =
        ByteBuffer.allocateDirect(Math.multiplyExact(values.length, 8))
            .order(ByteOrder.LITTLE_ENDIAN);
    b.asDoubleBuffer().put(values);
    return cast(tensor(b, DType.FP64, shape), dtype);
  }

  private static Tensor cast(Tensor t, DType dtype) {
    return t.dtype() == dtype ? t : t.cast(dtype);
  }

  /**
   * {@return a copy of int64 values}
   *
   * @param values in row-major order
   * @param shape with as many elements
   * @throws IllegalArgumentException when their number is another
   */
  public Tensor tensor(long[] values, Shape shape) {
    ByteBuffer b =
        ByteBuffer.allocateDirect(Math.multiplyExact(values.length, 8))
            .order(ByteOrder.LITTLE_ENDIAN);
    b.asLongBuffer().put(values);
    return tensor(b, DType.INT64, shape);
  }

  /**
   * {@return a one-dimensional int64 tensor}
   *
   * @param values its elements
   */
  public Tensor indices(int... values) {
    return tensor(Arrays.stream(values).asLongStream().toArray(), Shape.of(values.length));
  }

  /**
   * {@return a copy of a buffer's elements}
   *
   * @param data little-endian, in row-major order, from its position to its limit
   * @param dtype of the elements in the buffer and in the tensor
   * @param shape of the tensor
   * @throws IllegalArgumentException when the buffer holds another number of bytes than the shape
   */
  public Tensor tensor(ByteBuffer data, DType dtype, Shape shape) {
    check(dtype);
    long expected = shape.elements() * dtype.bytes();
    if (data.remaining() != expected) {
      throw new IllegalArgumentException(
          "%s %s takes %d bytes, the buffer holds %d"
              .formatted(dtype, shape, expected, data.remaining()));
    }
    ByteBuffer copy = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    return adopt(backend.of(copy, dtype, shape, device), dtype, shape, device);
  }

  /**
   * {@return a frozen matrix of parts, which it takes over: they are its own from here on}
   *
   * <ul>
   *   <li>{@link DType#INT8}: the elements' bits, uint8 {@code [out, in]}, and what those of a row
   *       are multiplied by, fp32 {@code [out]}.
   *   <li>{@link DType#NF4}, of {@code n} elements in row-major order: their numbers in {@link
   *       Nf4#values}, two a byte, the first in its upper half, uint8 {@code [n / 2]}; and the
   *       factors of the blocks, fp32 {@code [blocks]}. Or instead of these three parts: their
   *       numbers in {@link Nf4#factors}, uint8 {@code [blocks]}; what those of a group are
   *       multiplied by, fp32 {@code [groups]}; and what is added then, fp32 {@code [1]}.
   * </ul>
   *
   * @param dtype one of these
   * @param shape {@code [out, in]}; {@code n} is even
   * @param parts on one device
   * @throws IllegalArgumentException when the parts are others
   */
  public Tensor quantised(DType dtype, Shape shape, List<Tensor> parts) {
    QuantisedOperations.check(dtype, shape, parts);
    Device where = parts.get(0).device();
    List<TensorHandle> handles = parts.stream().map(Tensor::giveUp).toList();
    return adopt(new Quantised(dtype, shape, handles), dtype, shape, where);
  }

  /**
   * {@return a tensor over the pages of a file; see {@link Backend#map}}
   *
   * @param file at least as long as the tensor's end; not to be changed while it is mapped
   * @param offset of the first element in bytes, a multiple of the element size
   * @param dtype of the elements in the file
   * @param shape of the tensor
   * @throws UsageException when the backend does not declare it
   * @throws IllegalArgumentException when the offset does not fit the type
   */
  public Tensor map(Path file, long offset, DType dtype, Shape shape) {
    check(dtype);
    require(Capability.MEMORY_MAP);
    if (offset < 0 || offset % dtype.bytes() != 0) {
      throw new IllegalArgumentException(
          "offset %d is not a multiple of %s's %d bytes".formatted(offset, dtype, dtype.bytes()));
    }
    return adopt(backend.map(file, offset, dtype, shape, device), dtype, shape, device);
  }

  /**
   * Refuses what the backend does not declare.
   *
   * @param capability that is needed
   * @throws UsageException naming the capability and what is declared
   */
  public void require(Capability capability) {
    if (!backend.capabilities().contains(capability)) {
      throw new UsageException(
          "backend '%s' has no %s; it declares %s"
              .formatted(backend.name(), capability, backend.capabilities()));
    }
  }

  void checkOpen() {
    if (closed) {
      throw new IllegalStateException("backend '%s' is closed".formatted(backend.name()));
    }
  }

  void check(Device where) {
    check(where, backend);
  }

  private static void check(Device where, Backend backend) {
    List<Device> found = backend.devices();
    if (!found.contains(where)) {
      throw new EnvironmentException(
          "device %s was requested, backend '%s' finds %s; use device=cpu, or install a CUDA driver and the GPU artefacts (Maven profile gpu)"
              .formatted(
                  where,
                  backend.name(),
                  found.stream().map(Device::toString).collect(Collectors.joining(", "))));
    }
  }

  void check(DType dtype) {
    checkOpen();
    if (!backend.dtypes().contains(dtype)) {
      throw new UsageException(
          "backend '%s' has no dtype %s; it has %s"
              .formatted(backend.name(), dtype, backend.dtypes()));
    }
  }

  Tensor adopt(TensorHandle handle, DType dtype, Shape shape, Device where) {
    TensorScope scope = scopes.get();
    if (scope == null) {
      backend.release(handle);
      throw new IllegalStateException(
          "no scope is open in thread '%s'; wrap the code in try (TensorScope scope = engine.openScope())"
              .formatted(Thread.currentThread().getName()));
    }
    return new Tensor(
        this, handle, dtype, shape, where, scope, trackOrigins ? new Throwable() : null);
  }

  /**
   * {@return one line for each tensor that an open scope owns, with the line that made it where
   * leaks are tracked}
   */
  public List<String> leaks() {
    List<String> lines = new ArrayList<>();
    for (TensorScope s : open) {
      for (Tensor t : s.owned()) {
        lines.add(t + t.origin());
      }
    }
    return lines;
  }

  /**
   * Closes the backend.
   *
   * @throws IllegalStateException when tensors are still owned by an open scope; the message names
   *     the first. The backend is closed all the same.
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    List<String> leaks = leaks();
    backend.close();
    if (!leaks.isEmpty()) {
      throw new IllegalStateException(
          "backend '%s' closes while open scopes own tensors: %d, the first %s"
              .formatted(backend.name(), leaks.size(), leaks.get(0)));
    }
  }
}

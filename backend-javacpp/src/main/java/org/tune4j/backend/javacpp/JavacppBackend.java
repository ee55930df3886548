package org.tune4j.backend.javacpp;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.tune4j.collective.Collectives;
import org.tune4j.collective.ProcessBackend;
import org.tune4j.collective.Rendezvous;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Capability;
import org.tune4j.spi.Kernels;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;

/**
 * The primitives as ATen operators. Every method opens a {@link PointerScope}, so that scalars,
 * lists and intermediate tensors are freed when it returns; what it returns is kept by {@link
 * Handle#keep}.
 */
final class JavacppBackend implements ProcessBackend {
  private final String version;
  private final Set<Capability> capabilities;
  private final Set<DType> dtypes;
  private final List<Device> devices;
  private final Storage storage = new Storage();
  private final Threads threads;
  private final JavacppKernels kernels;

  JavacppBackend(
      String version, Set<Capability> capabilities, Set<DType> dtypes, BackendOptions options) {
    this.version = version;
    this.capabilities = Set.copyOf(capabilities);
    this.dtypes = Set.copyOf(dtypes);
    this.threads =
        new Threads(
            options.threads() > 0 ? options.threads() : Runtime.getRuntime().availableProcessors());
    List<Device> found = new ArrayList<>(List.of(Device.CPU));
    if (capabilities.contains(Capability.CUDA)) {
      for (int i = 0; i < torch.cuda_device_count(); i++) {
        found.add(new Device(Device.Type.CUDA, i));
      }
    }
    this.devices = List.copyOf(found);
    this.kernels = new JavacppKernels(threads);
  }

  @Override
  public String name() {
    return JavacppBackendProvider.NAME;
  }

  @Override
  public String version() {
    return version;
  }

  @Override
  public Set<Capability> capabilities() {
    return capabilities;
  }

  @Override
  public Set<DType> dtypes() {
    return dtypes;
  }

  @Override
  public List<Device> devices() {
    return devices;
  }

  @Override
  public int threads() {
    return threads.get();
  }

  @Override
  public void setThreads(int n) {
    threads.set(n);
  }

  // Storage

  @Override
  public TensorHandle zeros(DType dtype, Shape shape, Device device) {
    return storage.zeros(dtype, shape, device);
  }

  @Override
  public TensorHandle of(ByteBuffer data, DType dtype, Shape shape, Device device) {
    return storage.of(data, dtype, shape, device);
  }

  @Override
  public void read(TensorHandle x, ByteBuffer into) {
    storage.read(x, into);
  }

  @Override
  public TensorHandle map(Path file, long offset, DType dtype, Shape shape, Device device) {
    return storage.map(file, offset, dtype, shape, device);
  }

  @Override
  public void release(TensorHandle x) {
    ((Handle) x).release();
  }

  // Views

  @Override
  public TensorHandle reshape(TensorHandle x, Shape shape) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(Handle.of(x).reshape(shape.toArray()));
    }
  }

  @Override
  public TensorHandle transpose(TensorHandle x, int dim0, int dim1) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(Handle.of(x).transpose(dim0, dim1));
    }
  }

  @Override
  public TensorHandle narrow(TensorHandle x, int dim, long start, long length) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(Handle.of(x).narrow(dim, start, length));
    }
  }

  @Override
  public TensorHandle expand(TensorHandle x, Shape shape) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(Handle.of(x).expand(shape.toArray()));
    }
  }

  // Copies

  @Override
  public TensorHandle contiguous(TensorHandle x) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(Handle.of(x).contiguous());
    }
  }

  @Override
  public TensorHandle cast(TensorHandle x, DType dtype) {
    try (PointerScope s = new PointerScope()) {
      Tensor t = Handle.of(x);
      ScalarType to = Types.scalar(dtype);
      return Handle.keep(t.scalar_type().intern() == to ? t.clone() : t.to(to));
    }
  }

  @Override
  public TensorHandle copyTo(TensorHandle x, Device device) {
    try (PointerScope s = new PointerScope()) {
      Tensor t = Handle.of(x);
      org.bytedeco.pytorch.Device to = Types.device(device);
      return Handle.keep(t.device().equals(to) ? t.clone() : t.to(to, t.scalar_type().intern()));
    }
  }

  @Override
  public TensorHandle cat(List<TensorHandle> parts, int dim) {
    try (PointerScope s = new PointerScope()) {
      Tensor[] all = parts.stream().map(Handle::of).toArray(Tensor[]::new);
      return Handle.keep(torch.cat(new TensorVector(all), dim));
    }
  }

  @Override
  public void copyInto(TensorHandle target, TensorHandle source) {
    boolean before = setGradientMode(false);
    try (PointerScope s = new PointerScope()) {
      Handle.of(target).copy_(Handle.of(source));
    } finally {
      setGradientMode(before);
    }
  }

  // Arithmetic

  @Override
  public TensorHandle unary(Unary op, TensorHandle x) {
    try (PointerScope s = new PointerScope()) {
      Tensor t = Handle.of(x);
      return Handle.keep(
          switch (op) {
            case NEG -> t.neg();
            case EXP -> t.exp();
            case LOG -> t.log();
            case SQRT -> t.sqrt();
            case SIGMOID -> t.sigmoid();
            case TANH -> t.tanh();
          });
    }
  }

  @Override
  public TensorHandle binary(Binary op, TensorHandle a, TensorHandle b) {
    try (PointerScope s = new PointerScope()) {
      Tensor x = Handle.of(a);
      Tensor y = Handle.of(b);
      return Handle.keep(
          switch (op) {
            case ADD -> x.add(y);
            case SUB -> x.sub(y);
            case MUL -> x.mul(y);
            case DIV -> x.div(y);
          });
    }
  }

  @Override
  public TensorHandle binary(Binary op, TensorHandle x, double scalar) {
    try (PointerScope s = new PointerScope()) {
      Tensor t = Handle.of(x);
      Scalar c = new Scalar(scalar);
      return Handle.keep(
          switch (op) {
            case ADD -> t.add(c);
            case SUB -> t.sub(c);
            case MUL -> t.mul(c);
            case DIV -> t.div(c);
          });
    }
  }

  @Override
  public TensorHandle sum(TensorHandle x, int dim) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(Handle.of(x).sum(new long[] {dim}, true, new ScalarTypeOptional()));
    }
  }

  @Override
  public TensorHandle max(TensorHandle x, int dim) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(new Tensor(Handle.of(x).max(dim, true).get0()));
    }
  }

  @Override
  public TensorHandle matmul(TensorHandle a, TensorHandle b) {
    threads.beforeProduct();
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(Handle.of(a).matmul(Handle.of(b)));
    }
  }

  @Override
  public TensorHandle indexSelect(TensorHandle x, TensorHandle indices) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(Handle.of(x).index_select(0, Handle.of(indices)));
    }
  }

  @Override
  public TensorHandle gather(TensorHandle x, TensorHandle indices) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(Handle.of(x).gather(1, Handle.of(indices)));
    }
  }

  // Autograd

  @Override
  public TensorHandle detach(TensorHandle x) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(Handle.of(x).detach());
    }
  }

  @Override
  public void requireGradient(TensorHandle leaf) {
    try (PointerScope s = new PointerScope()) {
      Handle.of(leaf).requires_grad_(true);
    }
  }

  @Override
  public boolean requiresGradient(TensorHandle x) {
    return Handle.of(x).requires_grad();
  }

  @Override
  public void backward(TensorHandle output, TensorHandle gradient) {
    threads.beforeProduct();
    try (PointerScope s = new PointerScope()) {
      Handle.of(output)
          .backward(
              Handle.of(gradient), new BoolOptional(false), false, new TensorArrayRefOptional());
    }
  }

  @Override
  public @Nullable TensorHandle gradient(TensorHandle leaf) {
    try (PointerScope s = new PointerScope()) {
      Tensor g = Handle.of(leaf).grad();
      // grad() points into the leaf, which may be released before its gradient: take a reference.
      return g.defined() ? Handle.keep(new Tensor(g)) : null;
    }
  }

  @Override
  public void dropValues(TensorHandle leaf) {
    try (PointerScope s = new PointerScope()) {
      dropValues(Handle.of(leaf));
    }
  }

  /** Of all rows, in one piece; no view, which would keep what it is of. */
  @Override
  public TensorHandle gradientEdge(TensorHandle x, Shape shape) {
    try (PointerScope s = new PointerScope()) {
      Tensor t = Handle.of(x);
      Tensor edge = new Tensor(t.unsafe_split(Math.max(1, t.size(0)), 0).get(0));
      dropValues(edge);
      return Handle.keep(edge);
    }
  }

  private static void dropValues(Tensor t) {
    long[] ones = new long[(int) t.dim()];
    Arrays.fill(ones, 1);
    t.set_data(torch.empty(ones, t.options(), null).expand(t.sizes(), false));
  }

  @Override
  public void clearGradient(TensorHandle leaf) {
    try (PointerScope s = new PointerScope()) {
      Handle.of(leaf).mutable_grad().reset();
    }
  }

  @Override
  public boolean setGradientMode(boolean on) {
    boolean before = GradMode.is_enabled();
    if (before != on) {
      GradMode.set_enabled(on);
    }
    return before;
  }

  @Override
  public long allocatedBytes(Device device) {
    return -1;
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  @Override
  public Collectives join(Engine engine, Rendezvous rendezvous) {
    return new C10d(engine, rendezvous);
  }

  @Override
  public void close() {
    kernels.close();
  }
}

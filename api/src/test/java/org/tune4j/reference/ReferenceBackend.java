package org.tune4j.reference;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.reference.Tape.Node;
import org.tune4j.reference.Tape.Rule;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Capability;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Shape;

/** Hands {@link Maths} and {@link Gradients} out as primitives, and counts handles. */
final class ReferenceBackend implements Backend {
  static final String NAME = "reference";
  static final String VERSION = "plain Java " + Runtime.version().feature();
  static final Set<Capability> CAPABILITIES = EnumSet.of(Capability.MEMORY_MAP, Capability.THREADS);
  static final Set<DType> DTYPES = EnumSet.of(DType.FP64, DType.FP32, DType.INT64, DType.UINT8);

  private final ThreadLocal<Boolean> recording = ThreadLocal.withInitial(() -> true);
  private final ThreadLocal<Integer> threads;
  private final AtomicLong bytes = new AtomicLong();

  ReferenceBackend(BackendOptions options) {
    this.threads = ThreadLocal.withInitial(() -> Math.max(1, options.threads()));
  }

  /** A caller's hold on elements, and its place on the tape where it requires a gradient. */
  private static final class Handle implements TensorHandle {
    final Strided value;
    @Nullable Node node;
    boolean released;

    Handle(Strided value, @Nullable Node node) {
      this.value = value;
      this.node = node;
    }
  }

  private static Handle handle(TensorHandle x) {
    Handle h = (Handle) x;
    if (h.released) {
      throw new IllegalStateException("a handle is used after its release");
    }
    return h;
  }

  private static Strided value(TensorHandle x) {
    return handle(x).value;
  }

  private Handle result(Strided value, @Nullable Node node) {
    if (value.storage.handles.getAndIncrement() == 0) {
      bytes.addAndGet(value.storage.bytes());
    }
    return new Handle(value, node);
  }

  /** A result, recorded where this thread records and an argument requires a gradient. */
  private Handle record(Strided value, Supplier<Rule> rule, List<TensorHandle> arguments) {
    boolean needed = arguments.stream().anyMatch(a -> handle(a).node != null);
    if (!needed || !recording.get() || !value.dtype.isFloating()) {
      return result(value, null);
    }
    List<@Nullable Node> nodes =
        Arrays.asList(arguments.stream().map(a -> handle(a).node).toArray(Node[]::new));
    return result(value, new Node(rule.get(), nodes));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String version() {
    return VERSION;
  }

  @Override
  public Set<Capability> capabilities() {
    return CAPABILITIES;
  }

  @Override
  public Set<DType> dtypes() {
    return DTYPES;
  }

  @Override
  public List<Device> devices() {
    return List.of(Device.CPU);
  }

  @Override
  public int threads() {
    return threads.get();
  }

  /** Remembered; the arithmetic uses one all the same. */
  @Override
  public void setThreads(int count) {
    threads.set(count);
  }

  // Storage

  @Override
  public TensorHandle zeros(DType dtype, Shape shape, Device device) {
    return result(Strided.zeros(dtype, Strided.sizes(shape)), null);
  }

  @Override
  public TensorHandle of(ByteBuffer data, DType dtype, Shape shape, Device device) {
    Strided out = Strided.zeros(dtype, Strided.sizes(shape));
    ByteBuffer in = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    int n = out.count();
    for (int i = 0; i < n; i++) {
      switch (dtype) {
        case FP64 -> out.storage.doubles[i] = in.getDouble();
        case FP32 -> out.storage.doubles[i] = in.getFloat();
        case INT64 -> out.storage.longs[i] = in.getLong();
        case UINT8 -> out.storage.longs[i] = in.get() & 0xff;
        default -> throw new IllegalArgumentException("no dtype " + dtype);
      }
    }
    return result(out, null);
  }

  @Override
  public void read(TensorHandle x, ByteBuffer into) {
    Strided v = value(x);
    ByteBuffer out = into.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    for (int p : v.positions()) {
      switch (v.dtype) {
        case FP64 -> out.putDouble(v.storage.doubles[p]);
        case FP32 -> out.putFloat((float) v.storage.doubles[p]);
        case INT64 -> out.putLong(v.storage.longs[p]);
        case UINT8 -> out.put((byte) v.storage.longs[p]);
        default -> throw new IllegalArgumentException("no dtype " + v.dtype);
      }
    }
  }

  /** A copy: plain arrays cannot lie over a file. */
  @Override
  public TensorHandle map(Path file, long offset, DType dtype, Shape shape, Device device) {
    long length = shape.elements() * dtype.bytes();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (offset + length > channel.size()) {
        throw new InputException(
            "%s: %d bytes at %d were asked for, the file has %d"
                .formatted(file, length, offset, channel.size()));
      }
      return of(channel.map(FileChannel.MapMode.READ_ONLY, offset, length), dtype, shape, device);
    } catch (IOException e) {
      throw new InputException("%s: cannot be mapped: %s".formatted(file, e.getMessage()));
    }
  }

  @Override
  public void release(TensorHandle x) {
    Handle h = handle(x);
    h.released = true;
    if (h.value.storage.handles.decrementAndGet() == 0) {
      bytes.addAndGet(-h.value.storage.bytes());
    }
  }

  // Views

  @Override
  public TensorHandle reshape(TensorHandle x, Shape shape) {
    Strided v = value(x);
    return record(v.reshape(Strided.sizes(shape)), () -> Gradients.reshape(v), List.of(x));
  }

  @Override
  public TensorHandle transpose(TensorHandle x, int dim0, int dim1) {
    return record(
        value(x).transpose(dim0, dim1), () -> Gradients.transpose(dim0, dim1), List.of(x));
  }

  @Override
  public TensorHandle narrow(TensorHandle x, int dim, long start, long length) {
    Strided v = value(x);
    return record(
        v.narrow(dim, (int) start, (int) length),
        () -> Gradients.narrow(v, dim, (int) start),
        List.of(x));
  }

  @Override
  public TensorHandle expand(TensorHandle x, Shape shape) {
    Strided v = value(x);
    return record(v.expand(Strided.sizes(shape)), () -> Gradients.expand(v), List.of(x));
  }

  // Copies

  @Override
  public TensorHandle contiguous(TensorHandle x) {
    Strided v = value(x);
    return record(v.isContiguous() ? v : v.copy(), Gradients::same, List.of(x));
  }

  @Override
  public TensorHandle cast(TensorHandle x, DType dtype) {
    Strided v = value(x);
    return record(Maths.cast(v, dtype), () -> Gradients.cast(v), List.of(x));
  }

  @Override
  public TensorHandle copyTo(TensorHandle x, Device device) {
    return record(value(x).copy(), Gradients::same, List.of(x));
  }

  @Override
  public TensorHandle cat(List<TensorHandle> parts, int dim) {
    List<Strided> values = parts.stream().map(ReferenceBackend::value).toList();
    return record(Maths.cat(values, dim), () -> Gradients.cat(values, dim), parts);
  }

  @Override
  public void copyInto(TensorHandle target, TensorHandle source) {
    Strided to = value(target);
    to.fill(Maths.cast(value(source), to.dtype));
  }

  // Arithmetic

  @Override
  public TensorHandle unary(Unary op, TensorHandle x) {
    Strided v = value(x);
    Strided y = Maths.unary(op, v);
    return record(y, () -> Gradients.unary(op, v, y), List.of(x));
  }

  @Override
  public TensorHandle binary(Binary op, TensorHandle a, TensorHandle b) {
    Strided y = Maths.binary(op, value(a), value(b));
    return record(y, () -> Gradients.binary(op, value(a), value(b), y), List.of(a, b));
  }

  @Override
  public TensorHandle binary(Binary op, TensorHandle x, double scalar) {
    return record(
        Maths.binary(op, value(x), scalar), () -> Gradients.binary(op, scalar), List.of(x));
  }

  @Override
  public TensorHandle sum(TensorHandle x, int dim) {
    Strided v = value(x);
    return record(Maths.sum(v, dim), () -> Gradients.sum(v), List.of(x));
  }

  @Override
  public TensorHandle max(TensorHandle x, int dim) {
    Strided v = value(x);
    return record(Maths.max(v, dim), () -> Gradients.max(v, dim), List.of(x));
  }

  @Override
  public TensorHandle matmul(TensorHandle a, TensorHandle b) {
    Strided x = value(a);
    Strided y = value(b);
    return record(Maths.matmul(x, y), () -> Gradients.matmul(x, y), List.of(a, b));
  }

  @Override
  public TensorHandle indexSelect(TensorHandle x, TensorHandle indices) {
    Strided v = value(x);
    Strided i = value(indices);
    return record(Maths.indexSelect(v, i), () -> Gradients.indexSelect(v, i), List.of(x));
  }

  @Override
  public TensorHandle gather(TensorHandle x, TensorHandle indices) {
    Strided v = value(x);
    Strided i = value(indices);
    return record(Maths.gather(v, i), () -> Gradients.gather(v, i), List.of(x));
  }

  // Autograd

  @Override
  public TensorHandle detach(TensorHandle x) {
    return result(value(x), null);
  }

  @Override
  public void requireGradient(TensorHandle leaf) {
    handle(leaf).node = new Node(null, List.of());
  }

  @Override
  public boolean requiresGradient(TensorHandle x) {
    return handle(x).node != null;
  }

  @Override
  public void backward(TensorHandle output, TensorHandle gradient) {
    Node node = handle(output).node;
    if (node == null) {
      throw new IllegalStateException("backward from what requires no gradient");
    }
    Tape.backward(node, value(gradient));
  }

  @Override
  public @Nullable TensorHandle gradient(TensorHandle leaf) {
    Node node = handle(leaf).node;
    Strided g = node == null ? null : node.collected;
    return g == null ? null : result(g, null);
  }

  @Override
  public void clearGradient(TensorHandle leaf) {
    Node node = handle(leaf).node;
    if (node != null) {
      node.collected = null;
    }
  }

  @Override
  public boolean setGradientMode(boolean on) {
    boolean before = recording.get();
    recording.set(on);
    return before;
  }

  /** The bytes that handles see; what only the tape or a leaf's gradient holds is not counted. */
  @Override
  public long allocatedBytes(Device device) {
    return bytes.get();
  }

  @Override
  public void close() {}
}

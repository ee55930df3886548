package org.tune4j.reference;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.tune4j.spi.Backend;
import org.tune4j.spi.Capability;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Shape;

/** Wrong primitives and declarations. */
enum PrimitiveFault implements Fault {
  LEAF_WITHOUT_ITS_VALUES_TAKES_ITS_VIEWS_ALONG(
      () ->
          new Broken() {
            @Override
            public void dropValues(TensorHandle leaf) {
              Arrays.fill(value(leaf).storage.doubles, 0);
            }
          },
      "3_17"),

  GRADIENT_EDGE_LEADS_NOWHERE(
      () ->
          new Broken() {
            @Override
            public TensorHandle gradientEdge(TensorHandle x, Shape shape) {
              return super.gradientEdge(new Handle(value(x), null), shape);
            }
          },
      "3_18"),

  MUL_GRADIENT_FORGETS_ONE_SIDE(
      () ->
          new Broken() {
            @Override
            public TensorHandle binary(Binary op, TensorHandle a, TensorHandle b) {
              return op == Binary.MUL
                  ? super.binary(op, a, new Handle(value(b), null))
                  : super.binary(op, a, b);
            }
          },
      "2_09",
      "3_06",
      "3_09",
      "3_15",
      "3_17",
      "3_18"),

  BROADCAST_GRADIENT_IS_NOT_SUMMED(
      () ->
          new Broken() {
            @Override
            public TensorHandle binary(Binary op, TensorHandle a, TensorHandle b) {
              int[] sizes = value(b).sizes;
              Strided y = Maths.binary(op, value(a), value(b));
              boolean row = op == Binary.ADD && sizes.length == 1 && y.sizes.length == 2;
              return row
                  ? record(
                      y, () -> g -> List.of(g, g.narrow(0, 0, 1).reshape(sizes)), List.of(a, b))
                  : super.binary(op, a, b);
            }
          },
      "2_07"),

  EXPAND_GRADIENT_IS_NOT_SUMMED(
      () ->
          new Broken() {
            @Override
            public TensorHandle expand(TensorHandle x, Shape shape) {
              Strided v = value(x);
              return record(
                  v.expand(Strided.sizes(shape)),
                  () ->
                      g -> {
                        Strided out = g;
                        for (int d = 0; d < v.sizes.length; d++) {
                          out = out.narrow(d, 0, v.sizes[d]);
                        }
                        return List.of(out);
                      },
                  List.of(x));
            }
          },
      "2_16",
      "2_22"),

  NARROW_COPIES(
      () ->
          new Broken() {
            @Override
            public TensorHandle narrow(TensorHandle x, int dim, long start, long length) {
              Strided v = value(x);
              return record(
                  v.narrow(dim, (int) start, (int) length).copy(),
                  () -> Gradients.narrow(v, dim, (int) start),
                  List.of(x));
            }
          },
      "1_10",
      "1_16"),

  CAST_TRUNCATES(
      () ->
          new Broken() {
            @Override
            public TensorHandle cast(TensorHandle x, DType dtype) {
              Strided v = value(x);
              return dtype == DType.FP32 && v.dtype == DType.FP64
                  ? record(
                      Maths.map(v, PrimitiveFault::truncated),
                      () -> Gradients.cast(v),
                      List.of(x),
                      dtype)
                  : super.cast(x, dtype);
            }
          },
      "1_20"),

  RELEASE_OF_A_VIEW_FREES_ITS_BASE(
      () ->
          new Broken() {
            @Override
            public void release(TensorHandle x) {
              Strided v = value(x);
              super.release(x);
              if (v.dtype.isFloating() && v.count() < v.storage.doubles.length) {
                Arrays.fill(v.storage.doubles, Double.NaN);
              }
            }
          },
      "1_14",
      "3_06"),

  RESHAPE_LEAKS(
      () ->
          new Broken() {
            @Override
            public TensorHandle reshape(TensorHandle x, Shape shape) {
              value(x).storage.handles.incrementAndGet();
              return super.reshape(x, shape);
            }
          },
      "1_15"),

  GRADIENT_MODE_IS_SHARED_BETWEEN_THREADS(
      () ->
          new Broken() {
            private volatile boolean on = true;

            @Override
            boolean recording() {
              return on;
            }

            @Override
            public boolean setGradientMode(boolean to) {
              boolean before = on;
              on = to;
              return before;
            }
          },
      "3_08"),

  NO_GRADIENT_STILL_RECORDS(
      () ->
          new Broken() {
            @Override
            boolean recording() {
              return true;
            }
          },
      "3_07"),

  MAX_SENDS_TO_ALL_TIES(
      () ->
          new Broken() {
            @Override
            public TensorHandle max(TensorHandle x, int dim) {
              Strided v = value(x);
              Strided y = Maths.max(v, dim);
              return record(
                  y,
                  () ->
                      g -> {
                        double[] all = v.doubles();
                        double[] largest = y.expand(v.sizes).doubles();
                        double[] out = g.expand(v.sizes).doubles().clone();
                        for (int i = 0; i < out.length; i++) {
                          out[i] = all[i] == largest[i] ? out[i] : 0;
                        }
                        return List.of(Strided.of(v.dtype, v.sizes, out));
                      },
                  List.of(x));
            }
          },
      "3_12"),

  GATHER_IS_OFF_BY_ONE(
      () ->
          new Broken() {
            @Override
            public TensorHandle gather(TensorHandle x, TensorHandle indices) {
              Strided v = value(x);
              long[] next = value(indices).longs();
              for (int i = 0; i < next.length; i++) {
                next[i] = (next[i] + 1) % v.sizes[1];
              }
              Strided wrong = Strided.of(DType.INT64, value(indices).sizes, next);
              return record(Maths.gather(v, wrong), () -> Gradients.gather(v, wrong), List.of(x));
            }
          },
      "2_18"),

  INDEX_SELECT_GRADIENT_FORGETS_REPEATS(
      () ->
          new Broken() {
            @Override
            public TensorHandle indexSelect(TensorHandle x, TensorHandle indices) {
              Strided v = value(x);
              long[] index = value(indices).longs();
              return record(
                  Maths.indexSelect(v, value(indices)),
                  () ->
                      g -> {
                        Strided out = Strided.zeros(v.dtype, v.sizes);
                        for (int i = 0; i < index.length; i++) {
                          out.narrow(0, (int) index[i], 1).fill(g.narrow(0, i, 1));
                        }
                        return List.of(out);
                      },
                  List.of(x));
            }
          },
      "2_17"),

  READ_IGNORES_STRIDES(
      () ->
          new Broken() {
            @Override
            public void read(TensorHandle x, ByteBuffer into) {
              Strided v = value(x);
              boolean swapped = v.dtype == DType.INT64 && !v.isContiguous();
              super.read(swapped ? new Handle(v.transpose(0, 1), null) : x, into);
            }
          },
      "1_06"),

  COPY_INTO_RECORDS(
      () ->
          new Broken() {
            @Override
            public void copyInto(TensorHandle target, TensorHandle source) {
              super.copyInto(target, source);
              if (handle(source).node != null) {
                handle(target).node = handle(source).node;
              }
            }
          },
      "3_14"),

  CLEAR_GRADIENT_DOES_NOTHING(
      () ->
          new Broken() {
            @Override
            public void clearGradient(TensorHandle leaf) {}
          },
      "3_04",
      "3_15"),

  MAP_IGNORES_THE_OFFSET(
      () ->
          new Broken() {
            @Override
            public TensorHandle map(Path f, long offset, DType dtype, Shape shape, Device device) {
              super.release(super.map(f, offset, dtype, shape, device));
              return super.map(f, 0, dtype, shape, device);
            }
          },
      "1_24"),

  SUM_OF_FP32_IS_FP64(
      () ->
          new Broken() {
            @Override
            public TensorHandle sum(TensorHandle x, int dim) {
              Strided v = value(x);
              return record(Maths.sum(v, dim), () -> Gradients.sum(v), List.of(x), DType.FP64);
            }
          },
      "1_23",
      "2_14"),

  MAX_DROPS_ITS_DIMENSION(
      () ->
          new Broken() {
            @Override
            public TensorHandle max(TensorHandle x, int dim) {
              Strided v = value(x);
              Strided y = Maths.max(v, dim);
              int[] sizes = new int[y.sizes.length - 1];
              for (int i = 0; i < sizes.length; i++) {
                sizes[i] = y.sizes[i < dim ? i : i + 1];
              }
              return record(y.reshape(sizes), () -> Gradients.max(v, dim), List.of(x));
            }
          },
      "2_15"),

  CAPABILITIES_DIFFER_FROM_THE_PROVIDERS(
      () ->
          new Broken() {
            @Override
            public Set<Capability> capabilities() {
              return Set.of(Capability.THREADS);
            }
          },
      "1_01"),

  CUDA_DEVICE_WITHOUT_THE_CAPABILITY(
      () ->
          new Broken() {
            @Override
            public List<Device> devices() {
              return List.of(Device.CPU, Device.parse("cuda:0"));
            }
          },
      "1_02"),

  RESULTS_ARE_KEPT_ON_THE_HEAP(
      () ->
          new Broken() {
            private final List<Strided> kept = new ArrayList<>();

            @Override
            public synchronized TensorHandle matmul(TensorHandle a, TensorHandle b) {
              for (int i = 0; i < 5; i++) { // above the slack in the fewest steps
                kept.add(value(a).copy());
              }
              return super.matmul(a, b);
            }
          },
      "7_02",
      "7_03"),

  MEMORY_OUTSIDE_THE_HEAP_IS_KEPT(
      () ->
          new Broken() {
            private final List<ByteBuffer> kept = new ArrayList<>();

            @Override
            public synchronized TensorHandle matmul(TensorHandle a, TensorHandle b) {
              if (kept.size() < 14_000) { // the JVM refuses more than its heap's size of these
                kept.add(ByteBuffer.allocateDirect(60 << 10));
              }
              return super.matmul(a, b);
            }
          },
      "7_02",
      "7_03"),

  THREADS_SHARE_A_BUFFER(
      () ->
          new Broken() {
            private final AtomicInteger inside = new AtomicInteger();

            /** Halves what it gives while another thread is inside. */
            @Override
            public TensorHandle unary(Unary op, TensorHandle x) {
              int others = inside.getAndIncrement();
              try {
                if (!Thread.currentThread().getName().equals("main")) {
                  Thread.sleep(1);
                }
                Strided v = value(x);
                Strided y = Maths.unary(op, v);
                Strided seen = others > 0 ? Maths.map(y, e -> e / 2) : y;
                return record(seen, () -> Gradients.unary(op, v, y), List.of(x));
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              } finally {
                inside.decrementAndGet();
              }
            }
          },
      "7_01");

  private final Supplier<Backend> open;
  private final List<String> rules;

  PrimitiveFault(Supplier<Backend> open, String... rules) {
    this.open = open;
    this.rules = List.of(rules);
  }

  @Override
  public Backend open() {
    return open.get();
  }

  @Override
  public List<String> rules() {
    return rules;
  }

  private static double truncated(double v) {
    float f = (float) v;
    return Math.abs(f) <= Math.abs(v) ? f : Math.nextAfter(f, 0.0);
  }
}

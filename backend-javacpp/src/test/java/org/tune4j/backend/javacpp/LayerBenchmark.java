package org.tune4j.backend.javacpp;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * One layer of SmolLM2's shape with LoRA of rank 8 on q and v, forward and backward: two threads
 * with one-thread kernels against one thread with parallel kernels, then each operation alone. A
 * main method, not a test: {@code LayerBenchmark [bf16|fp32] [seconds a measurement]}; {@code
 * -Dbrief=true} leaves the operations out, {@code -Donly=attention} all others.
 */
final class LayerBenchmark {
  private static final int DIM = 576;
  private static final int HEADS = 9;
  private static final int KV = 3;
  private static final int HEAD = 64;
  private static final int MLP = 1536;

  private final Engine engine;
  private final Operations o;
  private final DType dtype;
  private final double seconds;

  private LayerBenchmark(Engine engine, DType dtype, double seconds) {
    this.engine = engine;
    this.o = engine.operations();
    this.dtype = dtype;
    this.seconds = seconds;
  }

  public static void main(String[] args) throws Exception {
    DType dtype = DType.parse(args.length > 0 ? args[0] : "bf16");
    double seconds = args.length > 1 ? Double.parseDouble(args[1]) : 2;
    try (Engine engine = Backends.installed().open("javacpp", new BackendOptions(Device.CPU, 2))) {
      LayerBenchmark b = new LayerBenchmark(engine, dtype, seconds);
      if (args.length < 3) {
        for (int rows : new int[] {160, 320}) {
          b.layers(rows);
        }
      }
      if (args.length != 2 || !Boolean.getBoolean("brief")) {
        engine.backend().setThreads(1);
        b.breakdown(160);
        b.breakdown(320);
      }
    }
  }

  /** The weights of a layer, and leaves of this thread's own over the adapters. */
  private final class Layer {
    final Tensor norm1 = weight(1, DIM);
    final Tensor norm2 = weight(2, DIM);
    final Tensor q = weight(3, DIM, DIM);
    final Tensor k = weight(4, KV * HEAD, DIM);
    final Tensor v = weight(5, KV * HEAD, DIM);
    final Tensor out = weight(6, DIM, DIM);
    final Tensor gate = weight(7, MLP, DIM);
    final Tensor up = weight(8, MLP, DIM);
    final Tensor down = weight(9, DIM, MLP);
    final Tensor qa = weight(10, 8, DIM).leaf();
    final Tensor qb = weight(11, DIM, 8).leaf();
    final Tensor va = weight(12, 8, DIM).leaf();
    final Tensor vb = weight(13, KV * HEAD, 8).leaf();
    final Tensor x;
    final Tensor grad;
    final Tensor cos;
    final Tensor sin;
    final int rows;

    Layer(int rows) {
      this.rows = rows;
      x = weight(14, rows, DIM).leaf();
      grad = weight(15, rows, DIM);
      cos = engine.defaultOperations().uniform(16, -1, 1, DType.FP32, Shape.of(rows, 1, HEAD / 2));
      sin = engine.defaultOperations().uniform(17, -1, 1, DType.FP32, Shape.of(rows, 1, HEAD / 2));
    }

    void step() {
      try (TensorScope s = engine.openScope()) {
        Tensor h = o.rmsNorm(x, norm1, 1e-5);
        Tensor qs = o.rope(o.loraLinear(h, q, qa, qb, 2).reshape(rows, HEADS, HEAD), cos, sin);
        Tensor ks = o.rope(o.linear(h, k).reshape(rows, KV, HEAD), cos, sin);
        Tensor vs = o.loraLinear(h, v, va, vb, 2).reshape(rows, KV, HEAD);
        Tensor a = o.attention(qs, ks, vs, new int[] {rows}, AttentionSpec.of(0.125, 0));
        Tensor y = x.add(o.linear(a, out));
        Tensor n = o.rmsNorm(y, norm2, 1e-5);
        Tensor m = o.swiGlu(o.linear(n, gate), o.linear(n, up));
        y.add(o.linear(m, down)).backward(grad);
        for (Tensor t : List.of(x, qa, qb, va, vb)) {
          t.clearGradient();
        }
      }
    }
  }

  private Tensor weight(long seed, long... sizes) {
    return engine.defaultOperations().uniform(seed, -0.1, 0.1, dtype, Shape.of(sizes));
  }

  private void layers(int rows) throws Exception {
    double two = parallel(rows, 2, 1);
    double one = parallel(rows, 1, 2);
    double single = parallel(rows, 1, 1);
    System.out.printf(
        Locale.ROOT,
        "%s rows of %d: 2 threads x 1: %.0f tokens/s; 1 thread x 2: %.0f; 1 x 1: %.0f%n",
        dtype,
        rows,
        two,
        one,
        single);
  }

  private double parallel(int rows, int workers, int threads) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(workers);
    try {
      List<Future<Double>> all = new ArrayList<>();
      for (int i = 0; i < workers; i++) {
        all.add(
            pool.submit(
                () -> {
                  engine.backend().setThreads(threads);
                  try (TensorScope s = engine.openScope()) {
                    Layer layer = new Layer(rows);
                    return rows / time(layer::step);
                  }
                }));
      }
      double sum = 0;
      for (Future<Double> f : all) {
        sum += f.get();
      }
      return sum;
    } finally {
      pool.shutdown();
    }
  }

  /** Processor seconds of this thread a call: what others run at the same time matters little. */
  private double processorTime(Runnable r) {
    ThreadMXBean clock = ManagementFactory.getThreadMXBean();
    for (int i = 0; i < 30; i++) {
      r.run();
    }
    double best = Double.MAX_VALUE;
    for (int round = 0; round < 5; round++) {
      long start = clock.getCurrentThreadCpuTime();
      long end = start;
      int n = 0;
      while (end - start < seconds / 10 * 1e9) {
        r.run();
        n++;
        end = clock.getCurrentThreadCpuTime();
      }
      best = Math.min(best, (end - start) / 1e9 / n);
    }
    return best;
  }

  /** Seconds a call, after a third of the time for warming up. */
  private double time(Runnable r) {
    long start = System.nanoTime();
    while (System.nanoTime() - start < seconds / 3 * 1e9) {
      r.run();
    }
    start = System.nanoTime();
    int n = 0;
    while (System.nanoTime() - start < seconds * 1e9) {
      r.run();
      n++;
    }
    return (System.nanoTime() - start) / 1e9 / n;
  }

  private interface Op {
    Tensor apply(List<Tensor> leaves);
  }

  private void operation(String name, int times, List<Tensor> inputs, Op op) {
    if (!name.startsWith(System.getProperty("only", ""))) {
      return;
    }
    try (TensorScope outer = engine.openScope()) {
      List<Tensor> leaves = inputs.stream().map(Tensor::leaf).toList();
      Tensor grad;
      try (TensorScope s = engine.openScope()) {
        Tensor out = op.apply(leaves);
        grad = s.moveOut(engine.defaultOperations().uniform(1, -1, 1, out.dtype(), out.shape()));
      }
      double forward =
          processorTime(
              () -> {
                try (TensorScope s = engine.openScope()) {
                  op.apply(leaves);
                }
              });
      double both =
          processorTime(
              () -> {
                try (TensorScope s = engine.openScope()) {
                  op.apply(leaves).backward(grad);
                  leaves.forEach(Tensor::clearGradient);
                }
              });
      System.out.printf(
          Locale.ROOT,
          "  %-28s x%d forward %7.1f us, backward %7.1f us%n",
          name,
          times,
          forward * 1e6,
          (both - forward) * 1e6);
    }
  }

  private void breakdown(int n) {
    System.out.println(dtype + " " + n + " tokens, one thread:");
    try (TensorScope s = engine.openScope()) {
      Layer l = new Layer(n);
      double step = processorTime(l::step);
      System.out.printf(
          Locale.ROOT, "  whole layer %.0f us, %.0f tokens/s%n", step * 1e6, n / step);
      if (Boolean.getBoolean("brief")) {
        return;
      }
      Tensor x = weight(20, n, DIM);
      operation("rmsNorm", 2, List.of(x), i -> o.rmsNorm(i.get(0), l.norm1, 1e-5));
      operation(
          "loraLinear q",
          1,
          List.of(x, l.qa, l.qb),
          i -> o.loraLinear(i.get(0), l.q, i.get(1), i.get(2), 2));
      operation(
          "loraLinear v",
          1,
          List.of(x, l.va, l.vb),
          i -> o.loraLinear(i.get(0), l.v, i.get(1), i.get(2), 2));
      operation("linear 576x576", 1, List.of(x), i -> o.linear(i.get(0), l.out));
      operation("linear 576x192", 1, List.of(x), i -> o.linear(i.get(0), l.k));
      operation("linear 576x1536", 2, List.of(x), i -> o.linear(i.get(0), l.gate));
      operation("linear 1536x576", 1, List.of(weight(21, n, MLP)), i -> o.linear(i.get(0), l.down));
      operation(
          "rope q", 1, List.of(weight(22, n, HEADS, HEAD)), i -> o.rope(i.get(0), l.cos, l.sin));
      operation("rope k", 1, List.of(weight(23, n, KV, HEAD)), i -> o.rope(i.get(0), l.cos, l.sin));
      operation(
          "attention",
          1,
          List.of(weight(24, n, HEADS, HEAD), weight(25, n, KV, HEAD), weight(26, n, KV, HEAD)),
          i ->
              o.attention(i.get(0), i.get(1), i.get(2), new int[] {n}, AttentionSpec.of(0.125, 0)));
      operation(
          "swiGlu",
          1,
          List.of(weight(27, n, MLP), weight(28, n, MLP)),
          i -> o.swiGlu(i.get(0), i.get(1)));
      operation("add", 2, List.of(x, weight(29, n, DIM)), i -> i.get(0).add(i.get(1)));
    }
  }
}

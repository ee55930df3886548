package org.tune4j.kit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.IntConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Chapter 7: several threads, and many steps. */
abstract class EnduranceRules extends QuantisedRules {
  private static final int THREADS = 4;
  private static final int STEPS = Integer.getInteger("tune4j.kit.steps", 10_000);
  private static final int WARM = 1000;

  /** What a process may grow by; one tensor leaked a step is 40 MB over 10,000. */
  private static final long SLACK_MB = 32;

  private static final Pattern RANGE = Pattern.compile("([0-9a-f]+)-[0-9a-f]+ ");

  /** Some steps of a small regression through every kind of primitive; the parameter at the end. */
  private float[] train(int seed, int steps) {
    try (TensorScope s = engine.openScope()) {
      Tensor w = engine.operations().uniform(seed, -0.2, 0.2, DType.FP32, Shape.of(32, 32)).leaf();
      Tensor x = engine.operations().uniform(seed + 1, -1, 1, DType.FP32, Shape.of(32, 32));
      for (int i = 0; i < steps; i++) {
        step(w, x);
      }
      return w.toFloats();
    }
  }

  private void step(Tensor w, Tensor x) {
    try (TensorScope s = engine.openScope()) {
      Tensor y = engine.operations().linear(x, w).tanh();
      Tensor left = y.narrow(1, 0, 16);
      Tensor right = y.narrow(1, 16, 16).transpose(0, 1).contiguous().transpose(0, 1);
      Tensor loss = left.sub(right).mul(left).sum().div(512.0);
      loss.backward();
      try (Engine.NoGradient off = engine.noGradient()) {
        w.copyFrom(w.sub(w.gradient().orElseThrow().mul(0.1)));
      }
      w.clearGradient();
    }
  }

  @Test
  void rule7_01_threads_withAScopeEach_giveTheSameBits() {
    assumeTrue(
        engine.backend().capabilities().contains(Capability.THREADS), "threads are not declared");
    float[][] expected = new float[THREADS][];
    for (int i = 0; i < THREADS; i++) {
      expected[i] = trainAlone(i);
    }
    float[][] actual = new float[THREADS][];
    CountDownLatch start = new CountDownLatch(THREADS);
    Thread[] threads = new Thread[THREADS];
    for (int i = 0; i < THREADS; i++) {
      int seed = i;
      threads[i] =
          new Thread(
              () -> {
                start.countDown();
                try {
                  start.await();
                } catch (InterruptedException e) {
                  throw new AssertionError(e);
                }
                engine.backend().setThreads(1);
                actual[seed] = train(seed, 50);
              },
              "conformance-kit-" + i);
      threads[i].start();
    }
    for (Thread t : threads) {
      try {
        t.join();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
    for (int i = 0; i < THREADS; i++) {
      assertTrue(actual[i] != null, "thread " + i + " failed, see its trace");
      assertArrayEquals(expected[i], actual[i], "thread " + i + " against the same work alone");
    }
  }

  private float[] trainAlone(int seed) {
    float[][] out = new float[1][];
    inThread(
        () -> {
          engine.backend().setThreads(1);
          out[0] = train(seed, 50);
        });
    return out[0];
  }

  @Test
  @Tag("endurance")
  void rule7_02_manySteps_residentSizeIsFlat() throws IOException {
    flat(steps -> train(1, steps));
  }

  @Test
  @Tag("endurance")
  void rule7_03_manySteps_ofEveryOperation_residentSizeIsFlat() throws IOException {
    flat(this::throughEveryOperation);
  }

  /** LoRA training of one tiny layer, from its norm to the loss and the optimiser. */
  private void throughEveryOperation(int steps) {
    Operations o = engine.operations();
    int n = 32;
    int dim = 32;
    try (TensorScope s = engine.openScope()) {
      Tensor x = o.uniform(1, -1, 1, DType.FP32, Shape.of(n, dim));
      Tensor norm = o.uniform(2, 0.5, 1.5, DType.FP32, Shape.of(dim));
      Tensor w = o.uniform(3, -0.5, 0.5, DType.FP32, Shape.of(dim, dim));
      Tensor angles = o.uniform(4, -1, 1, DType.FP32, Shape.of(n, 1, dim / 4));
      Tensor labels = engine.tensor(new long[n], Shape.of(n));
      Tensor a = o.uniform(5, -0.5, 0.5, DType.FP32, Shape.of(2, dim)).leaf();
      Tensor b = engine.zeros(DType.FP32, Shape.of(dim, 2)).leaf();
      List<Tensor> moments = new ArrayList<>();
      for (Tensor p : List.of(a, a, b, b)) {
        moments.add(engine.zeros(DType.FP32, p.shape()));
      }
      for (int i = 1; i <= steps; i++) {
        try (TensorScope step = engine.openScope()) {
          Tensor q = o.loraLinear(o.rmsNorm(x, norm, 1e-5), w, a, b, 2).reshape(n, 2, dim / 2);
          Tensor turned = o.rope(q, angles, angles);
          Tensor mixed = o.attention(turned, turned, q, new int[] {5, n}, AttentionSpec.of(0.5, 8));
          Tensor gate = o.dropout(o.linear(mixed, w), 0.1, i);
          o.crossEntropy(o.swiGlu(gate, mixed), labels).backward();
          o.adamW(a, gradient(a), moments.get(0), moments.get(1), i, 1e-3, 0.9, 0.99, 1e-8, 0.01);
          o.adamW(b, gradient(b), moments.get(2), moments.get(3), i, 1e-3, 0.9, 0.99, 1e-8, 0.01);
          a.clearGradient();
          b.clearGradient();
        }
      }
    }
  }

  private static Tensor gradient(Tensor leaf) {
    return leaf.gradient().orElseThrow();
  }

  /** Runs {@link #STEPS} steps after {@link #WARM}, and compares. */
  private void flat(IntConsumer work) throws IOException {
    touchHeap();
    work.accept(WARM);
    long heap = heapMb();
    long resident = residentOutsideTheHeapMb();
    long allocated = engine.backend().allocatedBytes(engine.device());
    work.accept(STEPS);
    assertEquals(allocated, engine.backend().allocatedBytes(engine.device()), "allocatedBytes()");
    notGrown("the Java heap", heap, heapMb());
    assumeTrue(resident >= 0, "no /proc/self/smaps here");
    notGrown("the resident size outside the Java heap", resident, residentOutsideTheHeapMb());
  }

  private static void notGrown(String what, long before, long after) {
    assertTrue(
        after - before <= SLACK_MB,
        "%s grew by %d MB over %d steps, allowed %d"
            .formatted(what, after - before, STEPS, SLACK_MB));
  }

  /** Makes the collector use every page it will, so that what grows later is not the heap. */
  private static void touchHeap() {
    long bytes = 0;
    while (bytes < Math.min(2 * Runtime.getRuntime().maxMemory(), 4L << 30)) {
      bytes += new byte[1 << 18].length;
    }
  }

  private static long heapMb() {
    System.gc();
    Runtime r = Runtime.getRuntime();
    return (r.totalMemory() - r.freeMemory()) >> 20;
  }

  /**
   * What the process holds in memory beside the Java heap, whose own comings and goings would hide
   * it: HotSpot lays a heap of under 32 GiB below that address, and libraries' memory never.
   *
   * @return -1 where the system does not tell
   */
  private static long residentOutsideTheHeapMb() throws IOException {
    Path maps = Path.of("/proc/self/smaps");
    if (!Files.exists(maps)) {
      return -1;
    }
    long kilobytes = 0;
    boolean outside = false;
    for (String line : Files.readAllLines(maps)) {
      Matcher range = RANGE.matcher(line);
      if (range.lookingAt()) {
        outside = Long.parseUnsignedLong(range.group(1), 16) >= 32L << 30;
      } else if (outside && line.startsWith("Rss:")) {
        kilobytes += Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    return kilobytes >> 10;
  }
}

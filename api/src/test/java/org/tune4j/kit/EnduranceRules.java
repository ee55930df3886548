package org.tune4j.kit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Chapter 7: several threads, and many steps. */
abstract class EnduranceRules extends OperationRules {
  private static final int THREADS = 4;
  private static final int STEPS = 10_000;

  /** What a process may grow by over {@link #STEPS} steps; one tensor leaked a step is 40 MB. */
  private static final long SLACK_MB = 32;

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
    touchHeap();
    train(1, 1_000);
    long heap = heapMb();
    long resident = residentMb();
    long allocated = engine.backend().allocatedBytes(engine.device());
    train(1, STEPS);
    assertEquals(allocated, engine.backend().allocatedBytes(engine.device()), "allocatedBytes()");
    long grownHeap = heapMb() - heap;
    assertTrue(
        grownHeap <= SLACK_MB,
        "the Java heap grew by %d MB over %d steps, allowed %d"
            .formatted(grownHeap, STEPS, SLACK_MB));
    assumeTrue(resident >= 0, "no /proc/self/status here");
    long grown = residentMb() - resident;
    assertTrue(
        grown <= SLACK_MB,
        "the resident size grew by %d MB over %d steps, allowed %d"
            .formatted(grown, STEPS, SLACK_MB));
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

  /** -1 where the system does not tell. */
  private static long residentMb() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return -1;
    }
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) >> 10;
      }
    }
    return -1;
  }
}

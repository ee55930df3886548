package org.tune4j.backend.javacpp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tune4j.EnvironmentException;
import org.tune4j.OutOfMemory;
import org.tune4j.platform.Platform;
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

/** What this backend adds to the conformance kit, and a quick look at everything. */
class JavacppBackendTest {
  private static Engine engine;

  @BeforeAll
  static void open() {
    engine = Backends.installed().open("javacpp", new BackendOptions(Device.CPU, 2));
  }

  @AfterAll
  static void close() {
    engine.close();
  }

  /** An operation on fresh leaves. */
  private interface Op {
    Tensor apply(Operations ops, List<Tensor> leaves);
  }

  private static Tensor values(DType dtype, long seed, long... sizes) {
    return engine.defaultOperations().uniform(seed, -1, 1, dtype, Shape.of(sizes));
  }

  /** The result and the leaves' gradients, as fp32. */
  private static List<float[]> run(Operations ops, List<Tensor> inputs, Op op) {
    try (TensorScope s = engine.openScope()) {
      List<Tensor> leaves = inputs.stream().map(Tensor::leaf).toList();
      Tensor out = op.apply(ops, leaves);
      List<float[]> all = new ArrayList<>(List.of(out.toFloats()));
      out.backward(engine.defaultOperations().uniform(99, -1, 1, out.dtype(), out.shape()));
      leaves.forEach(l -> all.add(l.gradient().orElseThrow().toFloats()));
      return all;
    }
  }

  private static void same(DType dtype, List<Tensor> inputs, Op op) {
    List<float[]> expected = run(engine.defaultOperations(), inputs, op);
    List<float[]> actual = run(engine.operations(), inputs, op);
    double relative =
        dtype == DType.BF16 ? 2e-2 : dtype == DType.FP16 ? 3e-3 : dtype == DType.FP64 ? 3e-7 : 1e-5;
    for (int i = 0; i < expected.size(); i++) {
      double largest = 1e-3;
      for (float f : expected.get(i)) {
        largest = Math.max(largest, Math.abs(f));
      }
      assertArrayEquals(
          expected.get(i), actual.get(i), (float) (largest * relative), dtype + " output " + i);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FP64", "FP32", "BF16", "FP16"})
  void kernels_match_defaults(DType dtype) {
    try (TensorScope s = engine.openScope()) {
      Tensor x = values(dtype, 1, 37, 48);
      Tensor w = values(dtype, 2, 40, 48);
      same(dtype, List.of(x, w), (o, l) -> o.linear(l.get(0), l.get(1)));
      same(
          dtype,
          List.of(x, values(dtype, 3, 4, 48), values(dtype, 4, 40, 4)),
          (o, l) -> o.loraLinear(l.get(0), w, l.get(1), l.get(2), 1.7));
      same(dtype, List.of(x, values(dtype, 5, 48)), (o, l) -> o.rmsNorm(l.get(0), l.get(1), 1e-5));
      same(dtype, List.of(x, values(dtype, 6, 37, 48)), (o, l) -> o.swiGlu(l.get(0), l.get(1)));
      DType angles = dtype == DType.FP64 ? DType.FP64 : DType.FP32;
      Tensor cos = values(angles, 7, 37, 1, 8);
      Tensor sin = values(angles, 8, 37, 1, 8);
      same(dtype, List.of(values(dtype, 9, 37, 3, 16)), (o, l) -> o.rope(l.get(0), cos, sin));
      Tensor labels = engine.indices(java.util.stream.IntStream.range(0, 37).toArray());
      same(dtype, List.of(x), (o, l) -> o.crossEntropy(l.get(0), labels));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FP64", "FP32", "BF16"})
  void attention_matches_default(DType dtype) {
    try (TensorScope s = engine.openScope()) {
      for (int window : new int[] {0, 5, 300}) {
        for (int[] ends : new int[][] {{7}, {7, 8, 40}, {20, 620}}) {
          int n = ends[ends.length - 1];
          same(
              dtype,
              List.of(
                  values(dtype, 1, n, 6, 16),
                  values(dtype, 2, n, 2, 16),
                  values(dtype, 3, n, 2, 16)),
              (o, l) ->
                  o.attention(l.get(0), l.get(1), l.get(2), ends, AttentionSpec.of(0.25, window)));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FP64", "FP32", "BF16"})
  void adamW_matches_default(DType dtype) {
    try (TensorScope s = engine.openScope()) {
      List<float[]> results = new ArrayList<>();
      for (Operations o : List.of(engine.defaultOperations(), engine.operations())) {
        Tensor p = values(dtype, 1, 30).leaf();
        Tensor m = engine.zeros(dtype, Shape.of(30));
        Tensor v = engine.zeros(dtype, Shape.of(30));
        for (int step = 1; step <= 3; step++) {
          o.adamW(p, values(dtype, step, 30), m, v, step, 1e-2, 0.9, 0.99, 1e-8, 0.1);
        }
        results.add(p.toFloats());
        results.add(m.toFloats());
        results.add(v.toFloats());
      }
      float delta = dtype == DType.BF16 ? 8e-3f : 1e-6f;
      for (int i = 0; i < 3; i++) {
        assertArrayEquals(results.get(i), results.get(i + 3), delta);
      }
    }
  }

  @Test
  void availability_whereNothingIsPublished_namesTheOtherBackend() {
    assertEquals(
        "JavaCPP publishes no native libraries of PyTorch 2.10.0 for Linux on arm64; use backend djl",
        JavacppBackendProvider.availability(new Platform(Platform.OperatingSystem.LINUX, "arm64"))
            .reason());
  }

  @Test
  void primitives_give_known_values() {
    try (TensorScope s = engine.openScope()) {
      Tensor x = engine.tensor(new float[] {1, 2, 3, 4, 5, 6}, DType.FP32, Shape.of(2, 3));
      assertArrayEquals(new float[] {1, 4, 2, 5, 3, 6}, x.transpose(0, 1).toFloats());
      assertArrayEquals(new float[] {2, 3, 5, 6}, x.narrow(1, 1, 2).contiguous().toFloats());
      assertArrayEquals(new float[] {3, 6}, x.max(1).toFloats());
      assertArrayEquals(new float[] {6, 15}, x.sum(1).toFloats());
      assertArrayEquals(
          new float[] {4, 5, 6, 1, 2, 3}, x.indexSelect(engine.indices(1, 0)).toFloats());
      assertArrayEquals(
          new float[] {3, 4},
          x.gather(engine.tensor(new long[] {2, 0}, Shape.of(2, 1))).toFloats());
      assertArrayEquals(new float[] {14, 32, 32, 77}, x.matmul(x.transpose(0, 1)).toFloats());
      assertArrayEquals(
          new float[] {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6},
          Tensor.cat(List.of(x, x), 0).toFloats());
      assertEquals(0, engine.zeros(DType.BF16, Shape.of(0, 3)).toFloats().length);
      Tensor copy = x.cast(DType.FP32);
      copy.copyFrom(engine.zeros(DType.BF16, Shape.of(2, 3)));
      assertEquals(21.0, x.sum().item());
      Tensor leaf = x.leaf();
      leaf.mul(leaf).sum().backward();
      leaf.mul(leaf).sum().backward();
      assertArrayEquals(
          new float[] {4, 8, 12, 16, 20, 24}, leaf.gradient().orElseThrow().toFloats());
      leaf.clearGradient();
      assertTrue(leaf.gradient().isEmpty());
      try (Engine.NoGradient off = engine.noGradient()) {
        assertFalse(leaf.mul(2).requiresGradient());
      }
    }
  }

  @Test
  void map_readOnlyFile_givesItsElements(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("w.bin");
    ByteBuffer b = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 5; i++) {
      b.putFloat(i);
    }
    Files.write(file, b.array());
    assertTrue(file.toFile().setReadOnly());
    try (TensorScope s = engine.openScope()) {
      assertArrayEquals(
          new float[] {1, 2, 3, 4}, engine.map(file, 4, DType.FP32, Shape.of(2, 2)).toFloats());
      EnvironmentException e =
          assertThrows(
              EnvironmentException.class, () -> engine.map(file, 4, DType.FP32, Shape.of(5)));
      assertTrue(e.getMessage().contains("it holds 20 bytes, expected at least 24"));
    }
    assertEquals(20, Files.size(file));
  }

  @Test
  void open_missingDevice_isRefused() {
    EnvironmentException e =
        assertThrows(
            EnvironmentException.class,
            () ->
                Backends.installed()
                    .open("javacpp", new BackendOptions(Device.parse("cuda:7"), 0)));
    assertTrue(e.getMessage().contains("cuda:7"));
  }

  @Test
  void open_besideAnotherLibtorch_isRefused() {
    String before = System.setProperty("tune4j.libtorch.opened", "djl");
    try {
      EnvironmentException e =
          assertThrows(
              EnvironmentException.class,
              () -> Backends.installed().open("javacpp", BackendOptions.DEFAULT));
      assertEquals(
          "backend 'javacpp' cannot be opened: this process already runs backend 'djl', and each brings its own libtorch; start another process",
          e.getMessage());
    } finally {
      System.setProperty("tune4j.libtorch.opened", before);
    }
  }

  @Test
  void threads_haveTheirOwnCountsAndGraphs() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(3);
    try {
      List<Future<List<float[]>>> all = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        int n = 1 + i % 2;
        all.add(
            pool.submit(
                () -> {
                  engine.backend().setThreads(n);
                  assertEquals(n, engine.backend().threads());
                  List<float[]> last = List.of();
                  for (int j = 0; j < 20; j++) {
                    try (TensorScope s = engine.openScope()) {
                      Tensor x = values(DType.FP32, 1, 64, 96);
                      Tensor w = values(DType.FP32, 2, 96, 96);
                      last =
                          run(
                              engine.operations(),
                              List.of(x, w),
                              (o, l) -> o.swiGlu(o.linear(l.get(0), l.get(1)), l.get(0)));
                    }
                  }
                  return last;
                }));
      }
      for (Future<List<float[]>> f : all) {
        for (int i = 0; i < 3; i++) {
          assertArrayEquals(all.get(0).get().get(i), f.get().get(i), 1e-4f);
        }
      }
    } finally {
      pool.shutdown();
    }
    assertEquals(2, engine.backend().threads());
  }

  @Test
  void manySmallSteps_stayFlat() {
    long[] resident = new long[2];
    for (int round = 0; round < 2; round++) {
      for (int i = 0; i < 3000; i++) {
        try (TensorScope s = engine.openScope()) {
          Tensor x = engine.zeros(DType.BF16, Shape.of(8, 32)).leaf();
          Tensor w = engine.zeros(DType.BF16, Shape.of(32));
          Operations o = engine.operations();
          Tensor y = o.swiGlu(o.rmsNorm(x, w, 1e-5), x.mul(2));
          o.attention(
                  y.reshape(8, 2, 16),
                  y.reshape(8, 2, 16),
                  y.reshape(8, 2, 16),
                  new int[] {8},
                  AttentionSpec.of(1, 0))
              .sum()
              .backward();
          assertTrue(x.gradient().isPresent());
          x.clearGradient();
        }
      }
      System.gc();
      resident[round] = org.bytedeco.javacpp.Pointer.physicalBytes();
    }
    assertTrue(
        resident[1] - resident[0] < 16L << 20,
        "resident grew by " + (resident[1] - resident[0]) + " bytes over 3,000 steps");
  }

  @Test
  void zeros_moreThanThereIs_isToldAsMemory() {
    Throwable thrown =
        assertThrows(Throwable.class, () -> engine.zeros(DType.FP32, Shape.of(1L << 46)));
    assertEquals(
        "out of memory: a tensor of 262144.0 GiB does not fit; lower batch_size or tokenizer.max_seq_len, or set enable_activation_checkpointing=true; `tune plan` says what a run takes",
        OutOfMemory.in(thrown).orElseThrow().getMessage());
  }
}

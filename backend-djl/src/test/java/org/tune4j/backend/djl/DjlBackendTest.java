package org.tune4j.backend.djl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.OutOfMemory;
import org.tune4j.platform.Platform;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Storage, gradients, threads, files; arithmetic is left to the kernels' comparison and the kit.
 */
final class DjlBackendTest {
  private static Engine engine;

  @BeforeAll
  static void open() {
    engine = Backends.installed().open("djl", BackendOptions.DEFAULT);
  }

  @AfterAll
  static void close() {
    engine.close();
  }

  @ParameterizedTest
  @MethodSource("org.tune4j.tensor.DType#unquantised")
  void tensor_anyType_roundTripsBytes(DType dtype) {
    try (TensorScope s = engine.openScope()) {
      ByteBuffer b = ByteBuffer.allocate(6 * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < b.capacity(); i++) {
        b.put(i, (byte) (i % 60));
      }
      Tensor t = engine.tensor(b, dtype, Shape.of(2, 3));
      assertEquals(b, t.bytes());
      assertEquals(t.cast(DType.FP64).transpose(0, 1).toDoubles()[1], t.toDoubles()[3]);
      assertEquals(0, engine.zeros(dtype, Shape.of(0, 2)).bytes().capacity());
      assertArrayEquals(new double[4], engine.zeros(dtype, Shape.of(2, 2)).toDoubles());
    }
  }

  @Test
  void cast_bf16_roundsToNearestEven() {
    try (TensorScope s = engine.openScope()) {
      Tensor t = engine.tensor(new float[] {1, -2, 3.5f, 1.00390625f}, DType.BF16, Shape.of(4));
      assertArrayEquals(new float[] {1, -2, 3.5f, 1}, t.toFloats());
      assertEquals((short) 0x3f80, t.bytes().getShort(0));
    }
  }

  @Test
  void views_shareStorage() {
    try (TensorScope s = engine.openScope()) {
      Tensor t = engine.zeros(DType.BF16, Shape.of(2, 3));
      t.transpose(0, 1)
          .narrow(0, 1, 1)
          .copyFrom(engine.tensor(new float[] {1, 2}, DType.FP32, Shape.of(1, 2)));
      assertArrayEquals(new float[] {0, 1, 0, 0, 2, 0}, t.toFloats());
      assertArrayEquals(
          new float[] {0, 1, 0, 0, 2, 0, 0, 1, 0, 0, 2, 0},
          Tensor.cat(List.of(t, t), 0).toFloats());
      assertArrayEquals(
          new float[] {1, 1}, t.narrow(0, 0, 1).narrow(1, 1, 1).expand(2, 1).toFloats());
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"FP32", "BF16"})
  void primitives_giveValuesAndGradients(DType dtype) {
    try (TensorScope s = engine.openScope()) {
      Tensor x = engine.tensor(new float[] {1, 2, 4, 8}, dtype, Shape.of(2, 2)).leaf();
      Tensor y = engine.tensor(new float[] {2, 4}, dtype, Shape.of(2)).leaf();
      Tensor z = x.mul(y).div(2).add(1).sub(x).neg();
      assertArrayEquals(new float[] {-1, -3, -1, -9}, z.toFloats());
      z.sum().backward();
      assertArrayEquals(new float[] {0, -1, 0, -1}, x.gradient().orElseThrow().toFloats());
      assertArrayEquals(new float[] {-2.5f, -5}, y.gradient().orElseThrow().toFloats());
      assertArrayEquals(new float[] {2, 8}, x.max(1).toFloats());
      assertArrayEquals(new float[] {5, 10}, x.sum(0).toFloats());
      assertArrayEquals(new float[] {9, 18, 36, 72}, x.matmul(x).toFloats());
      assertArrayEquals(new float[] {4, 8, 1, 2}, x.indexSelect(engine.indices(1, 0)).toFloats());
      assertArrayEquals(
          new float[] {2, 4}, x.gather(engine.indices(1, 0).reshape(2, 1)).toFloats());
      assertEquals(0.5, x.sub(x).sigmoid().toDoubles()[0]);
      assertEquals(2, x.narrow(1, 0, 1).sqrt().toDoubles()[1]);
      assertEquals(1, x.log().exp().sum(1).div(3).toDoubles()[0], 0.02);
      assertEquals(Math.tanh(1), x.tanh().toDoubles()[0], 0.01);
    }
  }

  @Test
  void gradient_accumulatesUntilCleared() {
    try (TensorScope s = engine.openScope()) {
      Tensor x = engine.tensor(new float[] {1, 2}, DType.FP32, Shape.of(2)).leaf();
      assertTrue(x.gradient().isEmpty());
      x.mul(3).sum().backward();
      x.mul(3).sum().backward();
      Tensor before = x.gradient().orElseThrow();
      assertArrayEquals(new float[] {6, 6}, before.toFloats());
      x.clearGradient();
      assertTrue(x.gradient().isEmpty());
      assertArrayEquals(new float[] {6, 6}, before.toFloats());
      x.clearGradient();
      assertTrue(x.gradient().isEmpty());
      x.mul(2).sum().backward();
      assertArrayEquals(new float[] {2, 2}, x.gradient().orElseThrow().toFloats());
    }
  }

  @Test
  void noGradient_recordsNothing() {
    try (TensorScope s = engine.openScope()) {
      Tensor x = engine.zeros(DType.FP32, Shape.of(2)).leaf();
      try (Engine.NoGradient off = engine.noGradient()) {
        assertFalse(x.mul(2).requiresGradient());
        assertFalse(engine.operations().swiGlu(x, x).requiresGradient());
      }
      assertTrue(x.mul(2).requiresGradient());
      x.copyFrom(engine.tensor(new float[] {1, 2}, DType.FP32, Shape.of(2)));
      assertArrayEquals(new float[] {1, 2}, x.toFloats());
    }
  }

  @Test
  void threads_eachHasItsOwnModeCountAndGraph() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    try {
      engine.backend().setThreads(2);
      List<Callable<Double>> work = new ArrayList<>();
      for (int i = 0; i < 32; i++) {
        int seed = i;
        work.add(
            () -> {
              engine.backend().setThreads(1 + seed % 2);
              try (TensorScope s = engine.openScope()) {
                Tensor x =
                    engine.operations().uniform(seed, -1, 1, DType.BF16, Shape.of(64, 64)).leaf();
                Tensor y = engine.operations().swiGlu(x.matmul(x), x);
                y.sum().backward();
                assertEquals(1 + seed % 2, engine.backend().threads());
                return x.gradient().orElseThrow().cast(DType.FP32).sum().item();
              }
            });
      }
      List<Double> first = new ArrayList<>();
      for (Future<Double> f : pool.invokeAll(work)) {
        first.add(f.get());
      }
      for (int i = 0; i < work.size(); i++) {
        assertEquals(work.get(i).call(), first.get(i), 1e-3 * Math.abs(first.get(i)) + 1e-2);
      }
      engine.backend().setThreads(2);
      assertEquals(2, engine.backend().threads());
    } finally {
      pool.shutdown();
    }
  }

  @Test
  void map_readsFromTheOffset_andNeverWrites(@TempDir Path dir) throws IOException {
    Path file = dir.resolve("gewichte-ä.bin");
    ByteBuffer b = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
    b.position(8);
    for (float v : new float[] {1, 2, 3, 4}) {
      b.putShort((short) (Float.floatToIntBits(v) >>> 16));
    }
    Files.write(file, b.array());
    assertTrue(file.toFile().setReadOnly());
    try (TensorScope s = engine.openScope()) {
      Tensor t = engine.map(file, 8, DType.BF16, Shape.of(2, 2));
      assertArrayEquals(new float[] {1, 2, 3, 4}, t.toFloats());
      assertArrayEquals(new float[] {1, 3, 2, 4}, t.transpose(0, 1).toFloats());
      t.copyFrom(engine.zeros(DType.BF16, Shape.of(2, 2)));
      InputException e =
          assertThrows(InputException.class, () -> engine.map(file, 8, DType.FP64, Shape.of(4)));
      assertTrue(e.getMessage().contains("the file ends at 32"), e.getMessage());
    }
    assertArrayEquals(b.array(), Files.readAllBytes(file));
  }

  @Test
  void open_again_works_butNotBesideAnotherLibtorch() {
    try (Engine second = Backends.installed().open("djl", new BackendOptions(Device.CPU, 1));
        TensorScope s = second.openScope()) {
      assertEquals(3, second.tensor(new float[] {3}, DType.BF16, Shape.SCALAR).item());
    }
    System.setProperty("tune4j.libtorch.opened", "javacpp");
    try {
      EnvironmentException e =
          assertThrows(
              EnvironmentException.class,
              () -> Backends.installed().open("djl", BackendOptions.DEFAULT));
      assertEquals(
          "backend 'djl' cannot be opened: this process already runs backend 'javacpp', and each brings its own libtorch; start another process",
          e.getMessage());
    } finally {
      System.setProperty("tune4j.libtorch.opened", "djl");
    }
  }

  @Test
  void open_withoutTheDevice_saysWhatThereIs() {
    EnvironmentException e =
        assertThrows(
            EnvironmentException.class,
            () -> Backends.installed().open("djl", new BackendOptions(Device.parse("cuda:99"), 0)));
    assertTrue(e.getMessage().contains("cuda:99 was requested, backend 'djl' finds cpu"));
  }

  @Test
  void availability_whereNothingIsPublished_namesTheOtherBackend() {
    assertEquals(
        "DJL publishes no native libraries of PyTorch 2.7.1 for Macs with Intel processors; use backend javacpp",
        DjlBackendProvider.availability(new Platform(Platform.OperatingSystem.MACOS, "x86_64"))
            .reason());
  }

  @Test
  void availability_withoutAJar_namesIt() throws Exception {
    URL[] classes = {place("org/tune4j/spi/Backend.class"), place("org/tune4j/backend/djl/ops.py")};
    String engine = "ai/djl/pytorch/engine/PtEngine.class";
    String natives = "native/lib/pytorch.properties";
    assertEquals(
        "DJL's engine is not on the class path; add ai.djl.pytorch:pytorch-engine:0.36.0",
        reason(classes));
    assertEquals(
        "PyTorch's native libraries for linux-x86_64 are not on the class path; add ai.djl.pytorch:pytorch-native-cpu:2.7.1 with classifier linux-x86_64, or set PYTORCH_LIBRARY_PATH to the libraries of an installed PyTorch 2.7.1",
        reason(classes, place(engine)));
    assertEquals(
        "DJL's bindings are not on the class path; add ai.djl.pytorch:pytorch-jni:2.7.1-0.36.0",
        reason(classes, place(engine), place(natives)));
    assertEquals(
        "", reason(classes, place(engine), place(natives), place("jnilib/pytorch.properties")));
  }

  /** The folder or jar that a resource comes from. */
  private static URL place(String resource) throws IOException {
    URL url = DjlBackendTest.class.getClassLoader().getResource(resource);
    if (url.openConnection() instanceof JarURLConnection jar) {
      return jar.getJarFileURL();
    }
    String text = url.toString();
    return URI.create(text.substring(0, text.length() - resource.length())).toURL();
  }

  /** Why the provider is not available on a class path of its own. */
  private static String reason(URL[] classes, URL... jars) throws Exception {
    URL[] all = Stream.of(classes, jars).flatMap(Stream::of).toArray(URL[]::new);
    try (URLClassLoader loader = new URLClassLoader(all, ClassLoader.getPlatformClassLoader())) {
      Object provider =
          loader
              .loadClass(DjlBackendProvider.class.getName())
              .getDeclaredConstructor()
              .newInstance();
      Object availability = provider.getClass().getMethod("availability").invoke(provider);
      return (String) availability.getClass().getMethod("reason").invoke(availability);
    }
  }

  /** In a process of its own: libraries are loaded once. */
  @Test
  void open_cacheThatCannotBeWritten_saysWhereAndWhichVariable(@TempDir Path dir) throws Exception {
    Path file = Files.writeString(dir.resolve("file"), "in the way");
    Process opened =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-DDJL_CACHE_DIR=" + file.resolve("cache"),
                "-cp",
                System.getProperty("java.class.path"),
                OpenDjl.class.getName())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String said = new String(opened.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(
        "backend 'djl' cannot be opened: its native libraries do not load (java.nio.file.FileSystemException: %s: Not a directory); DJL unpacks them to %s/cache/pytorch, which must be writable and have half a gigabyte of space (DJL_CACHE_DIR names another folder)"
            .formatted(file.resolve("cache"), file),
        said.strip());
  }

  /** Opens the backend and prints what it says. */
  static final class OpenDjl {
    public static void main(String[] args) {
      try (Engine engine = Backends.installed().open("djl", BackendOptions.DEFAULT)) {
        System.out.println("opened");
      } catch (EnvironmentException e) {
        System.out.println(e.getMessage());
      }
    }
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

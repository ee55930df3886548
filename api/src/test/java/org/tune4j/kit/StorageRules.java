package org.tune4j.kit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.collective.ProcessBackend;
import org.tune4j.spi.Availability;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Chapter 1: storage, views, types, capabilities. */
abstract class StorageRules extends Conformance {
  @Test
  void rule1_01_provider_declaresWhatTheBackendHas() {
    Availability a = provider().availability();
    assertTrue(a.available(), a.reason());
    assertEquals(provider().name(), engine.backend().name());
    assertEquals(provider().capabilities(), engine.backend().capabilities());
    assertEquals(provider().dtypes(), engine.backend().dtypes());
    assertTrue(engine.backend().devices().contains(Device.CPU), "devices() lacks cpu");
    assertEquals(
        engine.backend().capabilities().contains(Capability.PROCESSES),
        engine.backend() instanceof ProcessBackend,
        "PROCESSES declared and a ProcessBackend");
  }

  @Test
  void rule1_02_dtypes_areAtLeastFp32Int64Uint8AndThoseDeclared() {
    for (DType t : List.of(DType.FP32, DType.INT64, DType.UINT8)) {
      assertTrue(has(t), "dtypes() lacks " + t);
    }
    for (Capability c : List.of(Capability.BF16, Capability.FP16)) {
      boolean declared = engine.backend().capabilities().contains(c);
      assertEquals(declared, has(DType.valueOf(c.name())), c + " declared and in dtypes()");
    }
    boolean cuda = engine.backend().devices().stream().anyMatch(d -> d.type() == Device.Type.CUDA);
    assertTrue(
        !cuda || engine.backend().capabilities().contains(Capability.CUDA),
        "a CUDA device without the capability");
  }

  @Test
  void rule1_03_zeros_areZero() {
    for (DType t : engine.backend().dtypes()) {
      byte[] bytes = bytes(engine.zeros(t, Shape.of(3, 5)));
      assertArrayEquals(new byte[15 * t.bytes()], bytes, "zeros " + t);
    }
  }

  @Test
  void rule1_04_ofAndRead_everyDtype_keepTheBytes() {
    for (DType t : engine.backend().dtypes()) {
      ByteBuffer in = ByteBuffer.allocateDirect(6 * t.bytes()).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < in.capacity(); i++) {
        in.put(i, (byte) (i * 29 % 112 + 1));
      }
      byte[] expected = new byte[in.capacity()];
      in.duplicate().get(expected);
      Tensor x = engine.tensor(in, t, Shape.of(2, 3));
      in.put(0, (byte) 0);
      assertArrayEquals(expected, bytes(x), t + ": a copy of the buffer, byte for byte");
    }
  }

  static byte[] bytes(Tensor x) {
    ByteBuffer b = x.bytes();
    byte[] out = new byte[b.capacity()];
    b.duplicate().get(out);
    return out;
  }

  @Test
  void rule1_05_scalar_hasOneElement() {
    Tensor x = engine.tensor(new float[] {2.5f}, DType.FP32, Shape.SCALAR);
    assertEquals(2.5, x.item());
    assertArrayEquals(new float[] {3.5f}, x.add(1.0).toFloats());
  }

  @Test
  void rule1_06_read_ofTransposed_isRowMajor() {
    assertArrayEquals(new float[] {0, 3, 1, 4, 2, 5}, counting(2, 3).transpose(0, 1).toFloats());
    assertArrayEquals(
        new long[] {0, 2, 1, 3},
        engine.tensor(new long[] {0, 1, 2, 3}, Shape.of(2, 2)).transpose(0, 1).toLongs());
  }

  @Test
  void rule1_07_reshape_ofContiguous_sharesStorage() {
    Tensor base = counting(2, 3);
    Tensor view = base.reshape(3, 2);
    base.copyFrom(base.add(10.0));
    assertArrayEquals(new float[] {10, 11, 12, 13, 14, 15}, view.toFloats());
  }

  @Test
  void rule1_08_reshape_ofTransposed_hasRowMajorOrder() {
    Tensor x = counting(2, 3).transpose(0, 1).reshape(6);
    assertArrayEquals(new float[] {0, 3, 1, 4, 2, 5}, x.toFloats());
  }

  @Test
  void rule1_09_transpose_sharesStorage() {
    Tensor base = counting(2, 3);
    base.transpose(0, 1).copyFrom(counting(3, 2));
    assertArrayEquals(new float[] {0, 2, 4, 1, 3, 5}, base.toFloats());
  }

  @Test
  void rule1_10_narrow_sharesStorage() {
    Tensor base = counting(3, 4);
    Tensor view = base.narrow(1, 1, 2);
    assertArrayEquals(new float[] {1, 2, 5, 6, 9, 10}, view.toFloats());
    view.copyFrom(engine.zeros(DType.FP32, Shape.of(3, 2)));
    assertArrayEquals(new float[] {0, 0, 0, 3, 4, 0, 0, 7, 8, 0, 0, 11}, base.toFloats());
  }

  @Test
  void rule1_11_expand_repeatsAndSharesStorage() {
    Tensor base = counting(2, 1);
    Tensor view = base.expand(2, 3);
    assertArrayEquals(new float[] {0, 0, 0, 1, 1, 1}, view.toFloats());
    base.copyFrom(base.add(5.0));
    assertArrayEquals(new float[] {5, 5, 5, 6, 6, 6}, view.toFloats());
  }

  @Test
  void rule1_12_detach_sharesStorage() {
    Tensor base = counting(3);
    Tensor detached = base.detach();
    base.copyFrom(base.mul(2.0));
    assertArrayEquals(new float[] {0, 2, 4}, detached.toFloats());
  }

  @Test
  void rule1_13_contiguous_keepsTheValues() {
    Tensor x = counting(2, 3).transpose(0, 1);
    assertArrayEquals(x.toFloats(), x.contiguous().toFloats());
    assertArrayEquals(new float[] {0, 3, 1, 4, 2, 5}, x.contiguous().reshape(2, 3).toFloats());
  }

  @Test
  void rule1_14_release_leavesOtherHandlesOfTheStorage() {
    Tensor base = counting(2, 3);
    Tensor view = base.narrow(0, 1, 1);
    base.close();
    assertArrayEquals(new float[] {3, 4, 5}, view.toFloats(), "a view after its base");
    Tensor other = counting(2, 3);
    other.narrow(0, 1, 1).close();
    assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5}, other.toFloats(), "a base after its view");
  }

  @Test
  void rule1_15_release_givesTheBytesBack() {
    long before = engine.backend().allocatedBytes(engine.device());
    assumeTrue(before >= 0, "the backend does not tell its memory");
    for (int i = 0; i < 3; i++) {
      try (TensorScope s = engine.openScope()) {
        Tensor x = counting(64, 64);
        x.reshape(4096).narrow(0, 0, 5).expand(5);
        x.transpose(0, 1).contiguous().cast(DType.FP32).detach();
        assertTrue(engine.backend().allocatedBytes(engine.device()) > before, "none counted");
      }
    }
    assertEquals(before, engine.backend().allocatedBytes(engine.device()));
  }

  @Test
  void rule1_16_copyInto_writesThroughViewsAndCasts() {
    for (DType t : floating()) {
      Tensor target = engine.zeros(t, Shape.of(2, 3));
      target.transpose(0, 1).narrow(0, 1, 2).copyFrom(counting(2, 2));
      assertArrayEquals(new float[] {0, 0, 2, 0, 1, 3}, target.toFloats(), "into " + t);
    }
  }

  @Test
  void rule1_17_copyTo_isIndependent() {
    Tensor x = counting(3);
    Tensor copy = x.copyTo(engine.device());
    x.copyFrom(x.add(1.0));
    assertArrayEquals(new float[] {0, 1, 2}, copy.toFloats());
  }

  @Test
  void rule1_18_cast_betweenAllDtypes_keepsSmallIntegers() {
    for (DType from : engine.backend().dtypes()) {
      for (DType to : engine.backend().dtypes()) {
        Tensor x = counting(5).cast(from).cast(to);
        assertEquals(to, x.dtype());
        assertArrayEquals(new float[] {0, 1, 2, 3, 4}, x.toFloats(), "from " + from + " to " + to);
      }
    }
  }

  @Test
  void rule1_19_cast_isANewTensor() {
    Tensor x = counting(3);
    Tensor y = x.cast(DType.FP32);
    x.copyFrom(x.add(1.0));
    assertArrayEquals(new float[] {0, 1, 2}, y.toFloats());
  }

  @Test
  void rule1_20_castToFp32_roundsToNearest() {
    assumeTrue(has(DType.FP64), "no fp64");
    double[] values = {0.1, -0.1, 1 / 3.0, 2 / 3.0, 1 + 0x1.0p-24, 1 + 0x3.0p-24, 16777219};
    float[] expected = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      expected[i] = (float) values[i];
    }
    Tensor x = engine.tensor(values, DType.FP64, Shape.of(values.length));
    assertArrayEquals(expected, x.cast(DType.FP32).toFloats());
  }

  @Test
  void rule1_21_castToBf16_roundsToNearestTiesToEven() {
    assumeTrue(has(DType.BF16), "bf16 is not declared");
    float[] values = new float[64];
    float[] expected = new float[64];
    for (int i = 0; i < 64; i++) {
      int bits = 0x3f800000 + (i << 13);
      values[i] = Float.intBitsToFloat(bits);
      expected[i] = Float.intBitsToFloat((bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000);
    }
    Tensor x = engine.tensor(values, DType.FP32, Shape.of(64));
    assertArrayEquals(expected, x.cast(DType.BF16).toFloats());
  }

  @Test
  void rule1_22_castToFp16_roundsToNearestTiesToEven() {
    assumeTrue(has(DType.FP16), "fp16 is not declared");
    float[] values = new float[64];
    float[] expected = new float[64];
    for (int i = 0; i < 64; i++) {
      values[i] = 1 + i * 0x1.0p-13f;
      expected[i] = (float) (1 + Math.rint(i / 8.0) * 0x1.0p-10);
    }
    Tensor x = engine.tensor(values, DType.FP32, Shape.of(64));
    assertArrayEquals(expected, x.cast(DType.FP16).toFloats());
  }

  @Test
  void rule1_23_emptyTensors_areAllowed() {
    Tensor x = engine.zeros(DType.FP32, Shape.of(0, 3));
    assertEquals(0, x.toFloats().length);
    assertEquals(Shape.of(1, 3), x.sum(0).shape());
    assertArrayEquals(new float[3], x.sum(0).toFloats());
    assertEquals(Shape.of(3, 0), x.transpose(0, 1).shape());
    assertArrayEquals(
        counting(2, 3).toFloats(), Tensor.cat(List.of(x, counting(2, 3)), 0).toFloats());
    assertEquals(0, counting(2, 3).narrow(1, 3, 0).mul(2.0).toFloats().length);
    assertEquals(Shape.of(0, 2), x.matmul(counting(3, 2)).shape());
  }

  @Test
  void rule1_24_map_readsTheFileFromAnOffset(@TempDir Path folder) throws IOException {
    assumeTrue(declares(Capability.MEMORY_MAP), "memory map is not declared");
    ByteBuffer b = ByteBuffer.allocate(4 * 70).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 70; i++) {
      b.putFloat(i);
    }
    Path file = folder.resolve("weights.bin");
    Files.write(file, b.array());
    try (TensorScope s = engine.openScope()) {
      Tensor x = engine.map(file, 40, DType.FP32, Shape.of(3, 20));
      assertArrayEquals(counting(70).narrow(0, 10, 60).toFloats(), x.toFloats());
      assertArrayEquals(
          counting(70).narrow(0, 30, 20).toFloats(), x.narrow(0, 1, 1).add(0.0).toFloats());
      assertArrayEquals(b.array(), bytes(engine.map(file, 0, DType.UINT8, Shape.of(280))));
    }
    assertArrayEquals(b.array(), Files.readAllBytes(file), "the file after use");
  }

  @Test
  void rule1_25_map_beyondTheFile_isRefused(@TempDir Path folder) throws IOException {
    assumeTrue(declares(Capability.MEMORY_MAP), "memory map is not declared");
    Path file = folder.resolve("short.bin");
    Files.write(file, new byte[16]);
    assertThrows(
        TuneException.class, () -> engine.map(file, 8, DType.FP32, Shape.of(3)), "beyond the end");
    assertThrows(
        TuneException.class,
        () -> engine.map(folder.resolve("none.bin"), 0, DType.FP32, Shape.of(3)),
        "no such file");
    assertEquals(16, Files.size(file));
    throwsWith(
        IllegalArgumentException.class,
        "offset 6 is not a multiple of fp32's 4 bytes",
        () -> engine.map(file, 6, DType.FP32, Shape.of(1)));
  }

  @Test
  void rule1_26_undeclaredCapability_isRefusedInWords() {
    for (Capability c : Capability.values()) {
      if (!declares(c)) {
        throwsWith(
            UsageException.class,
            "backend '%s' has no %s; it declares %s"
                .formatted(engine.backend().name(), c, engine.backend().capabilities()),
            () -> engine.require(c));
      }
    }
    if (!declares(Capability.MEMORY_MAP)) {
      assertThrows(
          UsageException.class,
          () -> engine.map(Path.of("x"), 0, DType.FP32, Shape.of(1)),
          "map without the capability");
    }
  }

  @Test
  void rule1_27_undeclaredDtype_isRefusedInWords() {
    for (DType t : DType.values()) {
      if (!has(t)) {
        String text =
            "backend '%s' has no dtype %s; it has %s"
                .formatted(engine.backend().name(), t, engine.backend().dtypes());
        throwsWith(UsageException.class, text, () -> engine.zeros(t, Shape.of(1)));
        throwsWith(UsageException.class, text, () -> counting(1).cast(t));
      }
    }
  }

  @Test
  void rule1_28_threads_areSetAndTold() {
    int before = engine.backend().threads();
    assertTrue(before >= 1, "threads() is " + before);
    engine.backend().setThreads(1);
    assertEquals(1, engine.backend().threads());
    engine.backend().setThreads(before);
    assertEquals(before, engine.backend().threads());
  }

  @Test
  void rule1_29_everyDevice_holdsTensorsAndComputes() {
    for (Device d : engine.backend().devices()) {
      Tensor there = counting(2, 3).copyTo(d);
      assertEquals(d, there.device());
      Tensor product = there.matmul(there.transpose(0, 1));
      assertArrayEquals(
          new float[] {5, 14, 14, 50}, product.copyTo(engine.device()).toFloats(), "on " + d);
      if (!d.equals(engine.device())) {
        throwsWith(
            IllegalArgumentException.class,
            "add: devices %s and %s differ; copyTo one".formatted(engine.device(), d),
            () -> counting(2, 3).add(there));
      }
    }
  }

  @Test
  void rule1_30_deviceThatIsNotThere_isRefusedInWords() {
    Device none = new Device(Device.Type.CUDA, 63);
    String there =
        engine.backend().devices().stream().map(Device::toString).collect(Collectors.joining(", "));
    throwsWith(
        EnvironmentException.class,
        "device cuda:63 was requested, backend '%s' finds %s; use device=cpu, or install a CUDA driver and the GPU artefacts (Maven profile gpu)"
            .formatted(engine.backend().name(), there),
        () -> twin(new BackendOptions(none, 1)));
    throwsWith(
        EnvironmentException.class,
        "device cuda:63 was requested, backend '%s' finds %s; use device=cpu, or install a CUDA driver and the GPU artefacts (Maven profile gpu)"
            .formatted(engine.backend().name(), there),
        () -> counting(1).copyTo(none));
  }

  boolean declares(Capability c) {
    return engine.backend().capabilities().contains(c);
  }
}

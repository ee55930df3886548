package org.tune4j.backend.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.spi.KernelMemory;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/** Sizes of SmolLM2-135M: nine heads of 64 over three. */
final class DjlMemoryTest {
  private static final AttentionSpec<String> PLAIN = AttentionSpec.of(0.125, 0);
  private static final Device CUDA = Device.parse("cuda");

  private static long bytes(
      KernelMemory memory, DType dtype, Device device, AttentionSpec<?> spec, long... rows) {
    return memory.attentionBytes(dtype, device, rows, 9, 3, 64, spec);
  }

  private static long bytes(DType dtype, Device device, AttentionSpec<?> spec, long... rows) {
    return bytes(new DjlBackendProvider().kernelMemory(), dtype, device, spec, rows);
  }

  @Test
  void attention_onTheCpu_keepsTheSharesOfTheWholeSquare() {
    assertEquals(639 * 639 * 9 * 2, bytes(DType.BF16, Device.CPU, PLAIN, 639));
    assertEquals((40_000 + 900) * 9 * 4, bytes(DType.FP32, Device.CPU, PLAIN, 200, 30));
    assertEquals(
        700 * 700 * 9 * 2, bytes(DType.BF16, Device.CPU, AttentionSpec.of(0.125, 50), 700));
  }

  @Test
  void attention_ofALongRow_isTiled() {
    long token = (2 * (576 - 192) + 576) * 2 + 4 * 9;
    assertEquals(640 * token, bytes(DType.BF16, Device.CPU, PLAIN, 640));
    assertEquals(670 * token, bytes(DType.BF16, Device.CPU, PLAIN, 30, 640));
  }

  @Test
  void attention_onCuda_keepsRepeatedKeysAndValuesOutputAndLogarithms() {
    long token = (2 * (576 - 192) + 576) * 2 + 4 * 9;
    assertEquals(230 * token, bytes(DType.BF16, CUDA, PLAIN, 200, 30));
    assertEquals(230 * token, bytes(DType.BF16, CUDA, AttentionSpec.of(0.125, 50), 200, 30));
  }

  @Test
  void attention_thatTheKernelsDecline_keepsWhatPrimitivesKeep() {
    for (AttentionSpec<?> spec :
        new AttentionSpec<?>[] {
          new AttentionSpec<>(0.125, 0, 50, null), new AttentionSpec<>(0.125, 0, 0, "sinks")
        }) {
      assertEquals(
          bytes(KernelMemory.PRIMITIVES, DType.BF16, Device.CPU, spec, 700, 30),
          bytes(DType.BF16, Device.CPU, spec, 700, 30));
    }
  }
}

package org.tune4j.backend.javacpp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.spi.KernelMemory;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/** Sizes of SmolLM2-135M: nine heads of 64 over three. */
final class JavacppMemoryTest {
  private static final AttentionSpec<String> PLAIN = AttentionSpec.of(0.125, 0);
  private static final Device CUDA = Device.parse("cuda");

  private static long bytes(
      KernelMemory memory, DType dtype, Device device, AttentionSpec<?> spec, long... rows) {
    return memory.attentionBytes(dtype, device, rows, 9, 3, 64, spec);
  }

  private static long bytes(DType dtype, Device device, AttentionSpec<?> spec, long... rows) {
    return bytes(new JavacppBackendProvider().kernelMemory(), dtype, device, spec, rows);
  }

  @Test
  void attention_onTheCpu_keepsTheSharesOfItsBlocks() {
    assertEquals(200 * 200 * 9 * 2, bytes(DType.BF16, Device.CPU, PLAIN, 200));
    assertEquals(200 * 200 * 9 * 4, bytes(DType.FP32, Device.CPU, PLAIN, 200));
    // Four blocks of 250: ten sixteenths of the square.
    assertEquals(625_000 * 9 * 2, bytes(DType.BF16, Device.CPU, PLAIN, 1000));
    assertEquals((625_000 + 900) * 9 * 2, bytes(DType.BF16, Device.CPU, PLAIN, 1000, 30));
    assertEquals(625_000 * 9 * 2, bytes(DType.BF16, Device.CPU, AttentionSpec.of(0.125, 50), 1000));
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

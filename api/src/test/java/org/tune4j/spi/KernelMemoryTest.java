package org.tune4j.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

final class KernelMemoryTest {
  private static long bytes(DType dtype, double softCap, long... rows) {
    return KernelMemory.PRIMITIVES.attentionBytes(
        dtype, Device.CPU, rows, 4, 2, 8, new AttentionSpec<>(1, 0, softCap, null));
  }

  @Test
  void attention_overPrimitives_keepsEachRowsWholeSquare() {
    assertEquals((100 + 9) * 4 * (2 + 4), bytes(DType.BF16, 0, 10, 3));
    assertEquals(100 * 4 * (4 + 4), bytes(DType.FP32, 0, 10));
    assertEquals(100 * 4 * (2 + 4 + 4), bytes(DType.BF16, 50, 10));
  }
}

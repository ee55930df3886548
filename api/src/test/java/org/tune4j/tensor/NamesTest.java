package org.tune4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.UsageException;

/** Devices and dtypes as configs name them. */
final class NamesTest {
  @Test
  void device_everySpelling_isRead() {
    assertEquals(Device.CPU, Device.parse("cpu"));
    assertEquals(new Device(Device.Type.CUDA, 0), Device.parse("cuda"));
    assertEquals(new Device(Device.Type.CUDA, 12), Device.parse("cuda:12"));
    assertEquals("cuda:12", Device.parse("cuda:12").toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "CPU", "cpu:0", "cuda:", "cuda:-1", "cuda:99999", "mps"})
  void device_unknown_isRefusedInWords(String text) {
    assertEquals(
        "device '%s' is not known; accepted are cpu, cuda and cuda:INDEX".formatted(text),
        assertThrows(UsageException.class, () -> Device.parse(text)).getMessage());
  }

  @Test
  void dtype_everyFloatingName_isRead() {
    for (DType t : new DType[] {DType.FP64, DType.FP32, DType.BF16, DType.FP16}) {
      assertEquals(t, DType.parse(t.toString()));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "float32", "int64", "uint8", "fp8"})
  void dtype_unknown_isRefusedInWords(String name) {
    assertEquals(
        "dtype '%s' is not known; accepted are fp64, fp32, bf16, fp16".formatted(name),
        assertThrows(UsageException.class, () -> DType.parse(name)).getMessage());
  }
}

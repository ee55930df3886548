package org.tune4j.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.UsageException;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Precision;

class ComputeDTypeTest {
  @ParameterizedTest
  @CsvSource({
    "avx2 fma, bf16, bf16 computed in fp32",
    "avx512f avx512_vnni, bf16, bf16 computed in fp32",
    "avx512f avx512_bf16, bf16, bf16",
    "amx_bf16, bf16, bf16",
    "asimd bf16, bf16, bf16",
    "feat_bf16, bf16, bf16",
    "avx512f avx512_bf16, fp16, fp16 computed in fp32",
    "avx512_fp16, fp16, fp16",
    "asimdhp, fp16, fp16",
    "avx2, fp32, fp32",
    "avx2, fp64, fp64"
  })
  void expected_followsTheInstructions(String instructions, String dtype, String expected) {
    ComputeDType compute = new ComputeDType(null, Set.of(instructions.split(" ")));
    assertEquals(expected, compute.expected(DType.parse(dtype), Device.CPU).toString());
  }

  @ParameterizedTest
  @CsvSource({
    "fp32, avx512_bf16, bf16, bf16 computed in fp32",
    "bf16, avx2, bf16, bf16",
    "bf16, avx2, fp16, fp16",
    "bf16, avx2, fp32, fp32",
    "fp32, avx2, fp64, fp64",
    "'', avx2, bf16, bf16 computed in fp32"
  })
  void variable_overridesTheInstructions(
      String asked, String instructions, String dtype, String expected) {
    ComputeDType compute = new ComputeDType(asked, Set.of(instructions));
    assertEquals(expected, compute.expected(DType.parse(dtype), Device.CPU).toString());
  }

  @Test
  void expected_onAGpu_isTheStoredType() {
    assertEquals(
        Precision.of(DType.BF16),
        new ComputeDType(null, Set.of()).expected(DType.BF16, Device.parse("cuda")));
  }

  @Test
  void variable_ofAnotherValue_isRefused() {
    assertEquals(
        "TUNE_COMPUTE is 'fp8', expected fp32 or bf16; unset it to have the faster one chosen",
        assertThrows(UsageException.class, () -> new ComputeDType("fp8", Set.of())).getMessage());
  }
}

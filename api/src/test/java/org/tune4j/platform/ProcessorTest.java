package org.tune4j.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ProcessorTest {
  @Test
  void x86OnLinux() {
    assertEquals(
        new Processor("AMD EPYC 7763 64-Core Processor", Set.of("fpu", "avx2", "fma")),
        Processor.ofCpuInfo(
            List.of(
                "processor\t: 0",
                "model name\t: AMD EPYC 7763 64-Core Processor",
                "flags\t\t: fpu avx2 fma",
                "",
                "processor\t: 1",
                "flags\t\t: fpu")));
  }

  @Test
  void armOnLinux_hasNoName() {
    assertEquals(
        new Processor(Platform.here().machine(), Set.of("fp", "asimdhp", "bf16")),
        Processor.ofCpuInfo(List.of("BogoMIPS\t: 50.00", "Features\t: fp asimdhp bf16")));
  }

  @Test
  void armOnMacOs() {
    assertEquals(
        new Processor("Apple M2", Set.of("feat_bf16")),
        Processor.ofSysctl(
            List.of(
                "machdep.cpu.brand_string: Apple M2",
                "hw.optional.arm.FEAT_BF16: 1",
                "hw.optional.arm.FEAT_SME: 0")));
  }

  @Test
  void aSystemThatTellsNothing() {
    assertEquals(Set.of(), Processor.ofCpuInfo(List.of()).instructions());
    assertFalse(Processor.ofSysctl(List.of()).name().isEmpty());
  }
}

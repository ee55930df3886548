package org.tune4j.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.platform.Platform.OperatingSystem;

class PlatformTest {
  @ParameterizedTest
  @CsvSource({
    "Linux,amd64,linux-x86_64,linux-x86_64",
    "Linux,aarch64,linux-arm64,linux-aarch64",
    "Mac OS X,aarch64,macosx-arm64,osx-aarch64",
    "Mac OS X,x86_64,macosx-x86_64,osx-x86_64",
    "Windows Server 2022,amd64,windows-x86_64,win-x86_64",
    "Linux,riscv64,linux-riscv64,linux-riscv64",
    "Darwin-like,AMD64,linux-x86_64,linux-x86_64"
  })
  void names_areEachLibrarys(String os, String arch, String javacpp, String djl) {
    Platform p = Platform.of(os, arch);
    assertEquals(javacpp, p.javacpp());
    assertEquals(djl, p.djl());
  }

  @Test
  void quoted_isWhatTheShellTakesApart() {
    Platform linux = new Platform(OperatingSystem.LINUX, "x86_64");
    Platform windows = new Platform(OperatingSystem.WINDOWS, "x86_64");
    assertEquals("lr=1e-2", linux.quoted("lr=1e-2"));
    assertEquals("'it'\\''s a'", linux.quoted("it's a"));
    assertEquals("\"it's a\"", windows.quoted("it's a"));
    assertEquals("C:/a", windows.quoted("C:/a"));
    assertEquals("\"a \\\"b\\\"\"", windows.quoted("a \"b\""));
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "Windows does not tell")
  void residentSize_isOfThisProcess() {
    long mebibytes = ResidentSize.mebibytes();
    assertTrue(mebibytes > 10 && mebibytes < 1 << 16, () -> mebibytes + " MiB");
  }

  @Test
  @EnabledOnOs(value = OS.LINUX, disabledReason = "other systems tell no peak")
  void peakResidentSize_isAtLeastTheSize() {
    long mebibytes = ResidentSize.mebibytes();
    assertTrue(ResidentSize.peakMebibytes() >= mebibytes);
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "Windows has no ps")
  void residentSize_ofPs_isInKibibytes() {
    assertEquals(123, ResidentSize.mebibytes(" 126000"));
    String pid = Long.toString(ProcessHandle.current().pid());
    assertTrue(Answer.of("ps", "-o", "rss=", "-p", pid).get(0).matches("\\s*\\d+\\s*"));
  }

  @Test
  void answer_ofNoProgram_isNone() {
    assertEquals(0, Answer.of("no-such-program-" + System.nanoTime()).size());
  }
}

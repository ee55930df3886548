package org.tune4j.platform;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the CPU says about itself: {@code /proc/cpuinfo} on Linux, {@code sysctl} on macOS. Windows
 * does not tell.
 *
 * @param name for people
 * @param instructions in lower case, as the system names its sets of instructions, such as {@code
 *     avx512_bf16} on Linux and {@code feat_bf16} on macOS; empty where it does not tell
 */
public record Processor(String name, Set<String> instructions) {
  private static final String FEATURE = "hw.optional.arm.";

  /** {@return this machine's} */
  public static Processor here() {
    return switch (Platform.here().system()) {
      case LINUX -> ofCpuInfo(lines(Path.of("/proc/cpuinfo")));
      case MACOS -> ofSysctl(Answer.of("sysctl", "machdep.cpu.brand_string", "hw.optional.arm"));
      case WINDOWS -> new Processor(unnamed(), Set.of());
    };
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      return List.of();
    }
  }

  /** From {@code key : value} lines, of which x86 and arm64 have different keys. */
  static Processor ofCpuInfo(List<String> lines) {
    return new Processor(
        values(lines, "model name").findFirst().orElse(unnamed()),
        Stream.concat(values(lines, "flags"), values(lines, "Features"))
            .findFirst()
            .map(v -> Set.of(v.toLowerCase(Locale.ROOT).split("\\s+")))
            .orElse(Set.of()));
  }

  /** From {@code key: value} lines, where a feature that is there has the value 1. */
  static Processor ofSysctl(List<String> lines) {
    return new Processor(
        values(lines, "machdep.cpu.brand_string").findFirst().orElse(unnamed()),
        lines.stream()
            .filter(l -> l.startsWith(FEATURE) && l.endsWith(": 1"))
            .map(l -> l.substring(FEATURE.length(), l.indexOf(':')).toLowerCase(Locale.ROOT))
            .collect(Collectors.toUnmodifiableSet()));
  }

  private static Stream<String> values(List<String> lines, String key) {
    return lines.stream()
        .filter(l -> l.contains(":") && l.substring(0, l.indexOf(':')).strip().equals(key))
        .map(l -> l.substring(l.indexOf(':') + 1).strip());
  }

  private static String unnamed() {
    return Platform.here().machine();
  }
}

package org.tune4j.platform;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The resident size of this process: {@code /proc/self/status} on Linux, {@code ps} on macOS, which
 * tells no peak. Windows tells neither cheaply; its sizes are 0.
 */
public final class ResidentSize {
  private ResidentSize() {}

  /** {@return its size in MiB; 0 where the system does not tell} */
  public static long mebibytes() {
    return switch (Platform.here().system()) {
      case LINUX -> ofStatus("VmRSS:");
      case MACOS ->
          Answer.of("ps", "-o", "rss=", "-p", Long.toString(ProcessHandle.current().pid())).stream()
              .mapToLong(ResidentSize::mebibytes)
              .findFirst()
              .orElse(0);
      case WINDOWS -> 0;
    };
  }

  /** {@return the largest it has been, in MiB; 0 where the system does not tell} */
  public static long peakMebibytes() {
    return ofStatus("VmHWM:");
  }

  private static long ofStatus(String key) {
    try {
      List<String> lines = Files.readAllLines(Path.of("/proc/self/status"));
      return lines.stream()
          .filter(l -> l.startsWith(key))
          .mapToLong(ResidentSize::mebibytes)
          .findFirst()
          .orElse(0);
    } catch (IOException e) {
      return 0; // no such file outside Linux
    }
  }

  /** Of a line with a number of KiB. */
  static long mebibytes(String line) {
    return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
  }
}

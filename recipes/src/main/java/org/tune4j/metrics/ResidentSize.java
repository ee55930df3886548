package org.tune4j.metrics;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The resident size of this process. */
public final class ResidentSize {
  private ResidentSize() {}

  /** {@return its size in MiB, from {@code /proc/self/status}; 0 where there is none} */
  public static long mebibytes() {
    return read("VmRSS:");
  }

  /** {@return the largest it has been, in MiB; 0 where the system does not tell} */
  public static long peakMebibytes() {
    return read("VmHWM:");
  }

  private static long read(String key) {
    Path status = Path.of("/proc/self/status");
    try {
      for (String line : Files.readAllLines(status)) {
        if (line.startsWith(key)) {
          return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
        }
      }
    } catch (IOException e) {
      return 0; // no such file outside Linux
    }
    return 0;
  }
}

package org.tune4j.platform;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Memory that this process may still take, in bytes. On Linux, the least of {@code MemAvailable}
 * and what the process's control groups (version 1 or 2) leave; on macOS, the pages that {@code
 * vm_stat} calls free, inactive, speculative or purgeable, as its free ones alone are few on any
 * machine that has read files; on Windows, what the JVM is told is free.
 */
public final class AvailableMemory {
  private static final Pattern PAGE_SIZE = Pattern.compile("page size of (\\d+) bytes");
  private static final Pattern PAGES =
      Pattern.compile("Pages (?:free|inactive|speculative|purgeable): +(\\d+)\\.");

  private AvailableMemory() {}

  /** {@return how many bytes there are now; empty where the system does not tell} */
  public static OptionalLong bytes() {
    return switch (Platform.here().system()) {
      case LINUX -> bytes(Path.of("/proc"), Path.of("/sys/fs/cgroup"));
      case MACOS -> ofPages(Answer.of("vm_stat"));
      case WINDOWS ->
          OptionalLong.of(
              ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getFreeMemorySize());
    };
  }

  /** From {@code vm_stat}'s lines. */
  static OptionalLong ofPages(List<String> lines) {
    String text = String.join("\n", lines);
    Matcher size = PAGE_SIZE.matcher(text);
    return size.find()
        ? OptionalLong.of(
            Long.parseLong(size.group(1))
                * PAGES.matcher(text).results().mapToLong(m -> Long.parseLong(m.group(1))).sum())
        : OptionalLong.empty();
  }

  /** The same of folders that look like {@code /proc} and {@code /sys/fs/cgroup}. */
  static OptionalLong bytes(Path proc, Path cgroup) {
    long least = Math.min(memAvailable(proc), ofGroups(proc, cgroup));
    return least == Long.MAX_VALUE ? OptionalLong.empty() : OptionalLong.of(least);
  }

  private static long memAvailable(Path proc) {
    try (Stream<String> lines = Files.lines(proc.resolve("meminfo"))) {
      return lines
          .filter(l -> l.startsWith("MemAvailable:"))
          .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")) << 10)
          .findFirst()
          .orElse(Long.MAX_VALUE);
    } catch (IOException e) {
      return Long.MAX_VALUE;
    }
  }

  /** Lines are {@code 0::/path} for version 2 and {@code 5:memory:/path} for version 1. */
  private static long ofGroups(Path proc, Path cgroup) {
    long least = Long.MAX_VALUE;
    try {
      for (String line : Files.readAllLines(proc.resolve("self/cgroup"))) {
        String[] parts = line.split(":", 3);
        if (parts.length == 3 && parts[1].isEmpty()) {
          least =
              Math.min(least, upwards(cgroup, parts[2], "memory.max", "memory.current", "file"));
        } else if (parts.length == 3 && parts[1].equals("memory")) {
          least =
              Math.min(
                  least,
                  upwards(
                      cgroup.resolve("memory"),
                      parts[2],
                      "memory.limit_in_bytes",
                      "memory.usage_in_bytes",
                      "total_cache"));
        }
      }
    } catch (IOException e) {
      return least;
    }
    return least;
  }

  /** A limit holds for all groups below it. In a container the path may begin above its root. */
  private static long upwards(Path root, String path, String max, String used, String cache) {
    long least = Long.MAX_VALUE;
    @Nullable Path at = root.resolve(path.substring(1)).normalize();
    while (at != null && at.startsWith(root)) {
      long limit = number(at.resolve(max));
      if (limit < 1L << 60) { // above, version 1's word for none
        long taken = number(at.resolve(used));
        // Pages of files are given back when memory is short.
        long files = ofStat(at.resolve("memory.stat"), cache);
        if (taken < Long.MAX_VALUE) {
          least = Math.min(least, Math.max(0, limit - Math.max(0, taken - files)));
        }
      }
      at = at.getParent();
    }
    return least;
  }

  private static long number(Path file) {
    try {
      String text = Files.readString(file).strip();
      return text.equals("max") ? Long.MAX_VALUE : Long.parseLong(text);
    } catch (IOException | NumberFormatException e) {
      return Long.MAX_VALUE;
    }
  }

  private static long ofStat(Path file, String key) {
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .filter(l -> l.startsWith(key + " "))
          .mapToLong(l -> Long.parseLong(l.substring(key.length() + 1).strip()))
          .findFirst()
          .orElse(0);
    } catch (IOException | NumberFormatException e) {
      return 0;
    }
  }
}

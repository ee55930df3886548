package org.tune4j.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AvailableMemoryTest {
  @TempDir Path root;

  private void put(String file, String text) throws IOException {
    Path at = root.resolve(file);
    Files.createDirectories(at.getParent());
    Files.writeString(at, text);
  }

  private OptionalLong bytes() {
    return AvailableMemory.bytes(root.resolve("proc"), root.resolve("cgroup"));
  }

  @Test
  void bytes_nothingTold_isEmpty() {
    assertEquals(OptionalLong.empty(), bytes());
  }

  @Test
  void bytes_noLimit_isMemAvailable() throws IOException {
    put("proc/meminfo", "MemTotal: 900 kB\nMemAvailable:     300 kB\n");
    put("proc/self/cgroup", "0::/a\n");
    put("cgroup/a/memory.max", "max\n");
    assertEquals(OptionalLong.of(300 << 10), bytes());
  }

  @Test
  void bytes_version2LimitOfAGroupAbove_isWhatItLeavesWithoutFilePages() throws IOException {
    put("proc/meminfo", "MemAvailable: 300 kB\n");
    put("proc/self/cgroup", "0::/a/b\n");
    put("cgroup/a/b/memory.max", "max\n");
    put("cgroup/a/memory.max", "100000\n");
    put("cgroup/a/memory.current", "60000\n");
    put("cgroup/a/memory.stat", "anon 40000\nfile 20000\n");
    assertEquals(OptionalLong.of(60_000), bytes());
  }

  @Test
  void bytes_version1_readsItsFiles() throws IOException {
    put("proc/meminfo", "MemAvailable: 300 kB\n");
    put("proc/self/cgroup", "5:memory:/a\n3:cpu:/a\n");
    put("cgroup/memory/a/memory.limit_in_bytes", "100000\n");
    put("cgroup/memory/a/memory.usage_in_bytes", "70000\n");
    put("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("cgroup/memory/memory.usage_in_bytes", "70000\n");
    assertEquals(OptionalLong.of(30_000), bytes());
  }

  @Test
  void pages_ofMacOs_areThoseThatCanBeHad() {
    assertEquals(
        OptionalLong.of(16384L * (10 + 200 + 3 + 40)),
        AvailableMemory.ofPages(
            List.of(
                "Mach Virtual Memory Statistics: (page size of 16384 bytes)",
                "Pages free:                                   10.",
                "Pages active:                               9999.",
                "Pages inactive:                              200.",
                "Pages speculative:                             3.",
                "Pages wired down:                           9999.",
                "Pages purgeable:                              40.")));
    assertEquals(OptionalLong.empty(), AvailableMemory.ofPages(List.of()));
  }
}

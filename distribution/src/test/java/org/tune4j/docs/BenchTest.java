package org.tune4j.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** The scripts in {@code bench}, by their own tests: what they do without peers and GPUs. */
@EnabledOnOs(value = OS.LINUX, disabledReason = "the scripts read /proc")
final class BenchTest {
  @Test
  void benchScripts_passTheirTests() throws Exception {
    assumeTrue(DocFolder.has("python3"), "skipped: there is no python3 on the PATH");
    Process tests =
        new ProcessBuilder("python3", Path.of("../bench/test_bench.py").toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(tests.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, tests.waitFor(), said);
  }
}

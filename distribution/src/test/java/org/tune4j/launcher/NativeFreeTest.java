package org.tune4j.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Commands that only answer, each in a JVM of its own: what it loads is read from its log. */
class NativeFreeTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "--help",
        "ls",
        "cat smollm2/135M_lora_single_device",
        "validate smollm2/135M_lora_single_device",
        "backends"
      })
  void command_thatOnlyAnswers_touchesNoNativeLibrary(String command) throws Exception {
    String log = load(command.split(" "));
    assertTrue(log.contains(" org.tune4j.cli.Tune "), "the log lists no classes: " + log);
    for (String library :
        List.of("org.bytedeco.javacpp.Loader", "org.bytedeco.pytorch", "ai.djl.pytorch.jni")) {
      assertEquals(List.of(), log.lines().filter(l -> l.contains(" " + library)).toList(), library);
    }
  }

  private static String load(String... command) throws IOException, InterruptedException {
    List<String> line =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-Xlog:class+load=info:stdout",
                "-cp",
                System.getProperty("java.class.path"),
                Launcher.class.getName()));
    line.addAll(List.of(command));
    Process p = new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String log = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, p.waitFor());
    return log;
  }
}

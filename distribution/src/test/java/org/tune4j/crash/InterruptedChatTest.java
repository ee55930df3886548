package org.tune4j.crash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Ctrl-C while a model answers in the terminal. */
@EnabledOnOs(value = OS.LINUX, disabledReason = "Ctrl-C comes from kill")
@Tag("process")
class InterruptedChatTest {
  private static final Path PROJECT = Path.of("..").toAbsolutePath().normalize();
  private static final int MINUTES = 10;

  @TempDir Path temp;

  @Test
  void interrupt_whileItAnswers_endsTheAnswerAndNotTheProgram() throws Exception {
    Path model = Files.createDirectory(temp.resolve("model"));
    copy(PROJECT.resolve("models/src/test/resources/golden/tiny/families/llama2"), model);
    copy(PROJECT.resolve("docs/tiny"), model);
    // A job in a shell's background starts with SIGINT ignored, and so would the JVM.
    List<String> command = new ArrayList<>(List.of("/usr/bin/env", "--default-signal=INT"));
    command.addAll(TuneProcess.jvm());
    command.addAll(List.of("chat", "--model", model.toString(), "--max-new-tokens", "100000"));
    Path out = temp.resolve("out.txt");
    Path err = temp.resolve("err.txt");
    Process chat =
        new ProcessBuilder(command)
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    try (OutputStream typed = chat.getOutputStream()) {
      typed.write("Tell a story.\n".getBytes(UTF_8));
      typed.flush();
      await(chat, out, "(?s).+");
      assertEquals(0, new ProcessBuilder("kill", "-INT", "" + chat.pid()).start().waitFor());
      // A tiny model may have ended its answer before.
      await(chat, err, "(?s).*(ended by cancelled|Ctrl-C again or /quit ends).*");
      typed.write("/quit\n".getBytes(UTF_8));
      typed.flush();
      assertTrue(chat.waitFor(MINUTES, TimeUnit.MINUTES));
      assertEquals(0, chat.exitValue(), Files.readString(err));
    } finally {
      chat.destroyForcibly();
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, to.resolve(from.relativize(file)));
      }
    }
  }

  private static void await(Process process, Path file, String pattern) throws Exception {
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(MINUTES);
    while (!Files.readString(file).matches(pattern)) {
      assertTrue(process.isAlive() && System.nanoTime() < end, Files.readString(file));
      Thread.sleep(20);
    }
  }
}

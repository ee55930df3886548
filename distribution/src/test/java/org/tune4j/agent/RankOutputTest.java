package org.tune4j.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What a rank prints reaches people, and files where that is wanted. */
@EnabledOnOs(
    value = OS.LINUX,
    disabledReason = "a rank is a shell's command, a full disk /dev/full")
class RankOutputTest {
  private static String printed(Path log) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(out, true, StandardCharsets.UTF_8);
    Process rank = new ProcessBuilder("sh", "-c", "echo one; printf 'two\\033[2J\\n'").start();
    new RankOutput(3, rank, to, to, Optional.of(log)).close();
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void log_getsALineEach(@TempDir Path log) throws IOException {
    assertEquals("[rank 3] one\n[rank 3] two\\u001b[2J\n", printed(log));
    assertEquals("one\ntwo\u001b[2J\n", Files.readString(log.resolve("3/stdout.log")));
  }

  @Test
  void log_thatIsFull_isSaid(@TempDir Path log) throws IOException {
    Path file = Files.createDirectory(log.resolve("3")).resolve("stdout.log");
    Files.createSymbolicLink(file, Path.of("/dev/full"));
    assertEquals(
        "[rank 3] one\n[rank 3] two\\u001b[2J\n"
            + "tune: warning: --log-dir: its files lack some of what rank 3 printed; free some space there\n",
        printed(log));
    Files.delete(file);
  }
}

package org.tune4j.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** No crash of the JVM, no hang, no OutOfMemoryError, only the project's own exceptions. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "a shell limits the memory")
@Tag("process")
class FuzzTest {
  private static final long SECONDS_PER_INPUT = 300;
  private static final int FINDINGS = 5;

  @TempDir Path temp;

  @ParameterizedTest
  @EnumSource
  void read_soundFiles_areAccepted(Target target) throws Exception {
    for (byte[] seed : target.seeds()) {
      target.read(Files.createTempDirectory(temp, "sound"), seed);
    }
  }

  @ParameterizedTest
  @EnumSource
  void read_hundredsOfMutants_onlyProjectErrors(Target target) throws Exception {
    fuzz(target, 20261124, 300);
  }

  @Tag("long")
  @ParameterizedTest
  @EnumSource
  void read_tenThousandMutants_onlyProjectErrors(Target target) throws Exception {
    fuzz(target, System.nanoTime() & 0xffffff, 10_000);
  }

  private void fuzz(Target target, long seed, int count) throws Exception {
    System.out.printf("%s: %d inputs, seed %d%n", target, count, seed);
    List<String> findings = new ArrayList<>();
    int refused = 0;
    for (int from = 0; from < count && findings.size() < FINDINGS; ) {
      Path out = Files.createTempFile(temp, "out", ".txt");
      Path progress = Files.createTempFile(temp, "progress", "");
      Process p = start(target, seed, from, count - from, out, progress);
      String end = watch(p, progress);
      for (String line : Files.readAllLines(out)) {
        if (line.startsWith("refused ")) {
          refused += Integer.parseInt(line.substring("refused ".length()));
        } else if (findings.size() < FINDINGS) {
          findings.add(line);
        }
      }
      if (end.isEmpty()) {
        break;
      }
      int at = at(progress);
      findings.add(at + ": " + end);
      from = at + 1;
    }
    assertEquals(List.of(), findings, target + ", seed " + seed);
    assertTrue(refused > count / 20, "only " + refused + " inputs were bad enough to be refused");
  }

  private Process start(Target target, long seed, int from, int count, Path out, Path progress)
      throws IOException {
    Path work = Files.createTempDirectory(temp, "work");
    List<String> java =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx192m",
            "-XX:+UseSerialGC",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:ErrorFile=" + temp.resolve("hs_err.log"),
            "-Dai.djl.offline=true",
            "-DOPT_OUT_TRACKING=true",
            "-cp",
            System.getProperty("java.class.path"),
            FuzzWorker.class.getName(),
            target.name(),
            Long.toString(seed),
            Integer.toString(from),
            Integer.toString(count),
            work.toString(),
            progress.toString());
    // Native memory is capped too: the address space, in KiB.
    List<String> command =
        new ArrayList<>(List.of("/bin/sh", "-c", "ulimit -v 8000000; exec \"$@\"", "sh"));
    command.addAll(java);
    return new ProcessBuilder(command)
        .redirectOutput(out.toFile())
        .redirectError(temp.resolve("err.txt").toFile())
        .start();
  }

  /** Waits for the end; says what was wrong with it. */
  private String watch(Process p, Path progress) throws Exception {
    int last = -1;
    long since = System.nanoTime();
    while (!p.waitFor(100, TimeUnit.MILLISECONDS)) {
      int now = at(progress);
      if (now != last) {
        last = now;
        since = System.nanoTime();
      } else if (System.nanoTime() - since > SECONDS_PER_INPUT * 1_000_000_000L) {
        p.destroyForcibly().waitFor();
        return "hangs for " + SECONDS_PER_INPUT + " s";
      }
    }
    if (p.exitValue() == 0) {
      return "";
    }
    String err =
        Files.readString(temp.resolve("err.txt"), java.nio.charset.StandardCharsets.ISO_8859_1);
    return "the JVM ended with "
        + p.exitValue()
        + ": "
        + err.substring(0, Math.min(500, err.length())).replace('\n', ' ');
  }

  private static int at(Path progress) throws IOException {
    byte[] bytes = Files.readAllBytes(progress);
    return bytes.length < 4 ? -1 : ByteBuffer.wrap(bytes).getInt();
  }
}

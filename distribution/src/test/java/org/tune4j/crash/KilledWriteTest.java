package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The process is killed on entering one of its writing system calls, by strace: the first, the
 * second and so on, until a run gets through. Linux with strace only.
 */
class KilledWriteTest {
  private static final int EPOCHS = 2;
  private static final String KILL = "signal=KILL";

  @TempDir Path temp;

  @BeforeEach
  void needsStrace() throws Exception {
    assumeTrue(canTrace(), "strace is missing, or may not trace here");
  }

  static boolean canTrace() throws InterruptedException {
    try {
      Process p =
          new ProcessBuilder("strace", "-f", "-o", "/dev/null", "true")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return p.waitFor(20, TimeUnit.SECONDS) && p.exitValue() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  static Stream<Arguments> someCalls() {
    return TuneProcess.onEveryBackend(new Object[] {"rename", 3, 4}, new Object[] {"mkdir", 4, 3});
  }

  /** Some of the calls that make a checkpoint appear. */
  @ParameterizedTest
  @MethodSource("someCalls")
  void kill_someCalls_sameBytes(String backend, String call, int from, int step) throws Exception {
    assertTrue(sweep(backend, call, KILL, from, step, 2) >= 1);
  }

  static Stream<Arguments> everyCall() {
    return calls("rename", "mkdir", "unlink", "rmdir", "fsync", "write", "ftruncate");
  }

  @Tag("long")
  @ParameterizedTest
  @MethodSource("everyCall")
  void kill_everyCall_sameBytes(String backend, String call) throws Exception {
    int kills = sweep(backend, call, KILL, 1, 1, Integer.MAX_VALUE);
    System.out.printf("%s, %s: killed at each of %d calls of a thread%n", backend, call, kills);
    assertTrue(kills >= 1, "no run was killed");
  }

  static Stream<Arguments> callsThatNeedSpace() {
    return calls("rename", "mkdir", "fsync", "write");
  }

  /** The call fails as on a full disk. */
  @Tag("long")
  @ParameterizedTest
  @MethodSource("callsThatNeedSpace")
  void fail_everyCall_oneLineAndSameBytes(String backend, String call) throws Exception {
    int failures = sweep(backend, call, "error=ENOSPC", 1, 1, Integer.MAX_VALUE);
    System.out.printf("%s, %s: failed the run at %d calls of a thread%n", backend, call, failures);
    assertTrue(failures >= 1, "no run failed");
  }

  private static Stream<Arguments> calls(String... names) {
    return TuneProcess.onEveryBackend(
        Stream.of(names).map(name -> new Object[] {name}).toArray(Object[][]::new));
  }

  /** strace counts the calls of each thread: the first thread that gets there is the one killed. */
  private int sweep(String backend, String call, String fault, int from, int step, int most)
      throws Exception {
    String[] changes = {
      "epochs=" + EPOCHS,
      "save_every_n_steps=1",
      "keep_last_n=2",
      "max_steps_per_epoch=2",
      "resume_from_checkpoint=true"
    };
    Path whole = temp.resolve("whole");
    TuneProcess.complete(temp, TuneProcess.arguments(backend, whole, changes));
    int kills = 0;
    int last = from;
    for (int n = from; kills < most; n += step) {
      Path out = Files.createDirectory(temp.resolve("out-" + n));
      List<String> arguments = TuneProcess.arguments(backend, out, changes);
      List<String> traced =
          List.of(
              "strace",
              "-f",
              "-o",
              "/dev/null",
              "-e",
              "trace=" + call,
              "-e",
              "inject=" + call + ":" + fault + ":when=" + n);
      TuneProcess p =
          TuneProcess.start(
              temp, TuneProcess.concat(traced, TuneProcess.concat(TuneProcess.jvm(), arguments)));
      int code = p.exitCode();
      boolean cut = code == (fault.equals(KILL) ? 137 : 1);
      assertTrue(cut || code == 0, call + " " + n + " gave " + code + ": " + p.err());
      if (code == 1) {
        assertTrue(p.err().matches("tune: [^\n]*\n"), call + " " + n + ": " + p.err());
      }
      TuneProcess.complete(temp, arguments);
      String at = fault + " at " + call + " " + n;
      assertArrayEquals(TuneProcess.weights(whole, EPOCHS), TuneProcess.weights(out, EPOCHS), at);
      assertEquals(TuneProcess.metrics(whole), TuneProcess.metrics(out), at);
      assertEquals(List.of(), TuneProcess.leftOvers(out), at);
      if (cut) {
        kills++;
        last = n;
      } else if (fault.equals(KILL) || n > last + 20) {
        break; // a failing call that harms nothing, such as a print, is passed over
      }
    }
    return kills;
  }
}

package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The process is killed on entering one of its writing system calls, by strace: the first, the
 * second and so on, until a run gets through. Linux with strace only.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "system calls are traced by strace")
@Tag("process")
class KilledWriteTest {
  private static final int EPOCHS = 2;
  private static final String KILL = "signal=KILL";
  private static final String FULL = "error=ENOSPC";

  @TempDir static Path undisturbed;
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
      return p.waitFor(5, TimeUnit.MINUTES) && p.exitValue() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  static Stream<Arguments> someCalls() {
    return TuneProcess.onABackendEach(new Object[] {"rename", 3, 4}, new Object[] {"mkdir", 4, 3});
  }

  /** Some of the calls that make a checkpoint appear. */
  @ParameterizedTest
  @MethodSource("someCalls")
  void kill_someCalls_sameBytes(String backend, String call, int from, int step) throws Exception {
    assertFalse(sweep(backend, call, KILL, from, step, 2).isEmpty());
  }

  /** The first sync of a file fails as on a full disk, then the first of a folder. */
  @Test
  void fail_someCalls_oneLineAndSameBytes() throws Exception {
    assertEquals(2, sweep(TuneProcess.backends().get(0), "fsync", FULL, 1, 1, 2).size());
  }

  static Stream<Arguments> everyCall() {
    return calls("rename", "mkdir", "unlink", "rmdir", "fsync", "write");
  }

  @Tag("long")
  @ParameterizedTest
  @MethodSource("everyCall")
  void kill_everyCall_sameBytes(String backend, String call) throws Exception {
    sweepAll(backend, call, KILL);
  }

  static Stream<Arguments> callsThatNeedSpace() {
    return calls("rename", "mkdir", "fsync", "write");
  }

  /** The call fails as on a full disk. */
  @Tag("long")
  @ParameterizedTest
  @MethodSource("callsThatNeedSpace")
  void fail_everyCall_oneLineAndSameBytes(String backend, String call) throws Exception {
    sweepAll(backend, call, FULL);
  }

  private void sweepAll(String backend, String call, String fault) throws Exception {
    List<String> hit = sweep(backend, call, fault, 1, 1, Integer.MAX_VALUE);
    long saving = hit.stream().filter(KilledWriteTest::saves).count();
    System.out.printf(
        "%s, %s, %s: %d runs cut, %d of them in a checkpoint%n",
        backend, call, fault, hit.size(), saving);
    assertTrue(saving > 0, "no checkpoint's " + call + " was reached: " + hit);
  }

  private static Stream<Arguments> calls(String... names) {
    return TuneProcess.onEveryBackend(
        Stream.of(names).map(name -> new Object[] {name}).toArray(Object[][]::new));
  }

  /**
   * strace counts the calls of each thread: the first thread that gets there is the one killed.
   *
   * @return the call that was hit in each run which ended of it, as strace writes it
   */
  private List<String> sweep(
      String backend, String call, String fault, int from, int step, int most) throws Exception {
    // As few steps and tensors as make every kind of write: each costs two runs.
    String[] changes = {
      "epochs=" + EPOCHS,
      "max_steps_per_epoch=1",
      "save_every_n_steps=1",
      "keep_last_n=1",
      "model.lora_attn_modules=[q_proj]",
      "resume_from_checkpoint=true"
    };
    List<String> jvm = jvmWithoutJnaFile();
    Path whole = undisturbed.resolve(backend);
    if (Files.notExists(whole)) {
      TuneProcess.complete(temp, TuneProcess.arguments(backend, whole, changes));
    }
    List<String> hit = new ArrayList<>();
    for (int n = from; hit.size() < most; n += step) {
      Path out = Files.createDirectory(temp.resolve("out-" + n));
      List<String> arguments = TuneProcess.arguments(backend, out, changes);
      Path trace = temp.resolve("trace-" + n);
      List<String> traced = traced(call, fault, n, trace);
      traced.addAll(jvm);
      traced.addAll(arguments);
      TuneProcess p = TuneProcess.start(temp, traced);
      int code = p.exitCode();
      boolean cut = code == (fault.equals(KILL) ? 137 : 1);
      assertTrue(cut || code == 0, call + " " + n + " gave " + code + ": " + p.err());
      List<String> failed = unsuccessful(trace, call);
      boolean mute = failed.stream().anyMatch(line -> line.contains("write(2<")); // stderr
      if (code == 1 && !mute) {
        assertTrue(p.err().matches("tune: [^\n]*\n"), call + " " + n + ": " + p.err());
      }
      if (!cut) { // what failed, such as a print, has harmed nothing
        assertEquals(List.of(), failed.stream().filter(KilledWriteTest::saves).toList());
      }
      if (cut) {
        TuneProcess.complete(temp, arguments);
      }
      String at = fault + " at " + call + " " + n;
      assertArrayEquals(TuneProcess.weights(whole, EPOCHS), TuneProcess.weights(out, EPOCHS), at);
      assertEquals(TuneProcess.metrics(whole), TuneProcess.metrics(out), at);
      assertEquals(List.of(), TuneProcess.leftOvers(out), at);
      if (cut) {
        hit.add(failed.isEmpty() ? "" : failed.get(failed.size() - 1));
      } else if (fault.equals(KILL) || failed.isEmpty()) {
        break; // no thread has made so many calls
      }
    }
    return hit;
  }

  /**
   * A traced command. Without the filter all system calls stop, not these alone: a run takes 20 s
   * then. But it loses signals.
   */
  private static List<String> traced(String call, String fault, int n, Path trace) {
    List<String> command = new ArrayList<>(List.of("strace", "-f", "-y", "-o", trace.toString()));
    String calls = call;
    if (!fault.equals(KILL)) {
      command.add("--seccomp-bpf");
      calls += ",set_robust_list"; // a thread's first: up to the first one the filter is not used
    }
    command.addAll(
        List.of("-e", "trace=" + calls, "-e", "inject=" + call + ":" + fault + ":when=" + n));
    return command;
  }

  /** JNA otherwise unpacks its library with 135 writes, before any that matter. */
  private List<String> jvmWithoutJnaFile() throws IOException {
    String library = "libjnidispatch.so";
    String arch = System.getProperty("os.arch").replace("amd64", "x86-64");
    try (InputStream packed =
        ClassLoader.getSystemResourceAsStream("com/sun/jna/linux-" + arch + "/" + library)) {
      Files.copy(Objects.requireNonNull(packed), temp.resolve(library));
    }
    List<String> jvm = new ArrayList<>(TuneProcess.jvm());
    jvm.addAll(1, List.of("-Djna.nounpack=true", "-Djna.boot.library.path=" + temp));
    return jvm;
  }

  private static boolean saves(String tracedCall) {
    return tracedCall.contains("/checkpoints/");
  }

  /** A trace's calls that did not succeed; each may stand on two lines. */
  private static List<String> unsuccessful(Path trace, String call) throws IOException {
    Map<String, String> begun = new HashMap<>();
    List<String> calls = new ArrayList<>();
    for (String line : Files.readAllLines(trace, StandardCharsets.ISO_8859_1)) {
      String thread = line.split(" ", 2)[0];
      if (line.contains(call + "(")) {
        begun.put(thread, line);
      }
      if (line.contains(call) && (line.endsWith("= ?") || line.endsWith("(INJECTED)"))) {
        calls.add(begun.getOrDefault(thread, line));
      }
    }
    return calls;
  }
}

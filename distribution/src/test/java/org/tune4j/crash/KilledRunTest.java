package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Runs that get SIGKILL, SIGTERM or SIGINT, and are resumed. */
@EnabledOnOs(
    value = {OS.LINUX, OS.MAC},
    disabledReason = "processes get signals")
@Tag("process")
class KilledRunTest {
  @TempDir static Path undisturbed;
  @TempDir Path temp;

  static List<String> backends() {
    return TuneProcess.backends();
  }

  @ParameterizedTest
  @MethodSource("backends")
  void kill_fourMoments_sameBytes(String backend) throws Exception {
    kill(backend, 4, 12, TuneProcess::arguments);
  }

  @Tag("long")
  @ParameterizedTest
  @MethodSource("backends")
  void kill_twentyMoments_sameBytes(String backend) throws Exception {
    kill(backend, 20, 80, TuneProcess::arguments);
  }

  /** One, drawn anew each time; the long test has all. */
  static List<String> aBackend() {
    List<String> all = backends();
    return List.of(all.get(new Random().nextInt(all.size())));
  }

  @ParameterizedTest
  @MethodSource("aBackend")
  void kill_fullFinetuneAtTwoMoments_sameBytes(String backend) throws Exception {
    kill(backend, 2, 6, TuneProcess::fullArguments);
  }

  @ParameterizedTest
  @MethodSource("aBackend")
  void kill_preferencesAtTwoMoments_sameBytes(String backend) throws Exception {
    kill(backend, 2, 6, TuneProcess::preferenceArguments);
  }

  @Tag("long")
  @ParameterizedTest
  @MethodSource("backends")
  void kill_fullFinetuneAtTwentyMoments_sameBytes(String backend) throws Exception {
    kill(backend, 20, 80, TuneProcess::fullArguments);
  }

  /** The arguments of a run. */
  private interface CommandLine {
    List<String> of(String backend, Path output, String... changes);
  }

  private void kill(String backend, int kills, int epochs, CommandLine recipe) throws Exception {
    long seed = System.nanoTime();
    System.out.printf("%s: %d kills, seed %d%n", backend, kills, seed);
    Random random = new Random(seed);
    int n = epochs;
    while (!isKilled(backend, kills, n, recipe, random)) {
      n *= 2;
      System.out.printf("%s: runs outran their killer; again with %d epochs%n", backend, n);
    }
  }

  /** False where the run ended before half as many kills: too short for this machine. */
  private boolean isKilled(String backend, int kills, int epochs, CommandLine recipe, Random random)
      throws Exception {
    Path whole = temp.resolve("whole-" + epochs);
    String[] changes = {
      "epochs=" + epochs, "save_every_n_steps=2", "keep_last_n=2", "resume_from_checkpoint=true"
    };
    TuneProcess.complete(temp, recipe.of(backend, whole, changes));
    Path out = temp.resolve("out-" + epochs);
    List<String> arguments = recipe.of(backend, out, changes);
    int killed = 0;
    while (killed < kills) {
      TuneProcess p = TuneProcess.tune(temp, arguments);
      if (random.nextInt(4) == 0) {
        TuneProcess.pause(random, 2000); // anywhere, starting included
      } else {
        Path metrics = out.resolve("logs/metrics.jsonl");
        p.awaitMetrics(out, Files.exists(metrics) ? Files.size(metrics) : 0);
        TuneProcess.pause(random, 100); // while it trains and saves
      }
      if (!p.alive()) {
        assertEquals(0, p.exitCode(), p::err);
        break;
      }
      p.kill();
      killed++;
    }
    TuneProcess.complete(temp, arguments);
    assertArrayEquals(TuneProcess.weights(whole, epochs), TuneProcess.weights(out, epochs));
    assertEquals(TuneProcess.metrics(whole), TuneProcess.metrics(out));
    assertEquals(List.of(), TuneProcess.leftOvers(out));
    return killed >= kills / 2;
  }

  static Stream<Arguments> signals() {
    return TuneProcess.onEveryBackend(new Object[] {"TERM", 143}, new Object[] {"INT", 130});
  }

  @ParameterizedTest
  @MethodSource("signals")
  void signal_savesAndPrintsWhatResumes(String backend, String signal, int code) throws Exception {
    int epochs = 12;
    while (!isStopped(backend, signal, code, epochs)) {
      epochs *= 2;
      System.out.printf("%s: the run outran its signal; again with %d epochs%n", backend, epochs);
    }
  }

  /** False where the run had ended before it got the signal: too short for this machine. */
  private boolean isStopped(String backend, String signal, int code, int count) throws Exception {
    String epochs = "epochs=" + count;
    Path out = Files.createDirectories(temp.resolve("" + count)).resolve("the user's out");
    List<String> command = new ArrayList<>();
    if (signal.equals("INT") && Files.isExecutable(Path.of("/usr/bin/env"))) {
      // A job in a shell's background starts with SIGINT ignored, and so would the JVM.
      command.addAll(List.of("/usr/bin/env", "--default-signal=INT"));
    }
    command.addAll(TuneProcess.jvm());
    command.addAll(TuneProcess.arguments(backend, out, epochs));
    TuneProcess p = TuneProcess.start(temp, command);
    p.awaitMetrics(out, 0);
    p.signal(signal);
    int ended = p.exitCode();
    if (ended == 0) {
      return false;
    }
    assertEquals(code, ended, () -> p.out() + p.err());
    String again = signal.equals("INT") ? "; again to stop without saving" : "";
    assertTrue(p.err().matches("finishing (step \\d+|the \\w+)[^;\\n]*" + again + "\n"), p::err);
    List<String> lines = p.out().lines().toList();
    String stopped = lines.get(lines.size() - 2);
    assertTrue(
        stopped.matches("stopped; saved .*/the user's out/checkpoints/step_\\d+; continue with:"),
        p::out);
    String resume = lines.get(lines.size() - 1).strip();

    // As typed into a shell in which tune is the JVM of this test.
    StringBuilder script = new StringBuilder("tune() { ");
    for (String word : TuneProcess.jvm()) {
      script.append('\'').append(word).append("' ");
    }
    script.append("\"$@\"; }; ").append(resume);
    TuneProcess resumed = TuneProcess.start(temp, List.of("/bin/sh", "-c", script.toString()));
    assertEquals(0, resumed.exitCode(), () -> resumed.out() + resumed.err());
    assertTrue(resumed.out().contains("resuming from " + out), resumed::out);
    Path whole = undisturbed.resolve(backend + count);
    if (Files.notExists(whole)) {
      TuneProcess.complete(temp, TuneProcess.arguments(backend, whole, epochs));
    }
    assertArrayEquals(TuneProcess.weights(whole, count), TuneProcess.weights(out, count));
    assertEquals(TuneProcess.metrics(whole), TuneProcess.metrics(out));
    return true;
  }
}

package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.tune4j.checkpoint.Manifest;

/**
 * Runs whose output folder lies on a small tmpfs that fills up, and that are resumed when there is
 * space again. Where mounting is not permitted the tests are skipped.
 */
@Tag("process")
class FullDiskTest {
  @TempDir static Path undisturbed;
  @TempDir Path temp;
  private Path disk;
  private boolean mounted;

  @BeforeEach
  void needsMount() throws Exception {
    disk = Files.createDirectory(temp.resolve("disk"));
    mounted = mount("size=16m") == 0;
    assumeTrue(mounted, "a tmpfs cannot be mounted here; run as root on Linux");
  }

  @AfterEach
  void unmount() throws Exception {
    if (mounted) {
      assertEquals(0, run("umount", disk.toString()));
    }
  }

  private int mount(String options) throws Exception {
    return run("mount", "-t", "tmpfs", "-o", options, "tune4j-test", disk.toString());
  }

  private static int run(String... command) throws Exception {
    try {
      Process p =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return p.waitFor(5, TimeUnit.MINUTES) ? p.exitValue() : -1;
    } catch (IOException e) {
      return -1;
    }
  }

  /**
   * What fills up first depends on the room: the adapter of a checkpoint has 20 kB, its optimiser's
   * state twice that; metrics alone grow where nothing else is saved before the end.
   */
  private static final Object[][] DISKS = {
    {
      160,
      "epochs=1",
      "save_every_n_steps=10",
      "cannot write .*/checkpoints/.*; free space or choose another output folder"
    },
    {
      140,
      "epochs=2",
      "save_every_n_steps=null",
      "cannot write .*/\\.?epoch_.*; free space or choose another output folder"
    },
    {
      16,
      "epochs=1",
      "save_every_n_steps=null",
      ".*/logs/metrics.jsonl cannot be appended to: .*; free some space and run again with --resume"
    }
  };

  static Stream<Arguments> disks() {
    return TuneProcess.onABackendEach(DISKS);
  }

  static Stream<Arguments> disksOfEveryBackend() {
    return TuneProcess.onEveryBackend(DISKS);
  }

  @ParameterizedTest
  @MethodSource("disks")
  void run_fullDisk_oneLineAndResumes(
      String backend, int kilobytes, String epochs, String save, String says) throws Exception {
    fill(backend, kilobytes, epochs, save, says);
  }

  @Tag("long")
  @ParameterizedTest
  @MethodSource("disksOfEveryBackend")
  void run_fullDiskOnEveryBackend_oneLineAndResumes(
      String backend, int kilobytes, String epochs, String save, String says) throws Exception {
    fill(backend, kilobytes, epochs, save, says);
  }

  /**
   * Fills the disk up.
   *
   * @param kilobytes of the disk
   * @param says the one line, behind {@code tune: }
   */
  private void fill(String backend, int kilobytes, String epochs, String save, String says)
      throws Exception {
    List<String> changes = new ArrayList<>(List.of(epochs, save, "keep_last_n=2"));
    int last = Integer.parseInt(epochs.substring("epochs=".length()));
    if (last == 1) {
      // Many small steps, the rows again and again, before the epoch is saved.
      Path many = temp.resolve("many.jsonl");
      String rows = Files.readString(Path.of("../docs/tiny/rows.jsonl"));
      Files.writeString(many, rows.repeat(10));
      changes.addAll(List.of("dataset.data_files=" + many, "gradient_accumulation_steps=1"));
    }
    Path whole = undisturbed.resolve(backend + last);
    if (Files.notExists(whole)) { // when something is saved changes no bits of it
      TuneProcess.complete(
          temp, TuneProcess.arguments(backend, whole, changes.toArray(String[]::new)));
    }

    assertEquals(0, mount("remount,size=" + kilobytes + "k"));
    Path out = disk.resolve("out");
    changes.add("resume_from_checkpoint=true");
    List<String> arguments = TuneProcess.arguments(backend, out, changes.toArray(String[]::new));
    TuneProcess p = TuneProcess.tune(temp, arguments);
    assertEquals(1, p.exitCode(), () -> p.out() + p.err());
    List<String> said = p.err().lines().toList();
    assertEquals(1, said.size(), p::err);
    assertTrue(said.get(0).matches("tune: " + says), p::err);
    for (Path step : checkpoints(out)) {
      assertEquals(java.util.Optional.empty(), Manifest.problem(step));
    }

    assertEquals(0, mount("remount,size=16m"));
    TuneProcess.complete(temp, arguments);
    assertArrayEquals(TuneProcess.weights(whole, last), TuneProcess.weights(out, last));
    assertEquals(TuneProcess.metrics(whole), TuneProcess.metrics(out));
    assertEquals(List.of(), TuneProcess.leftOvers(out));
  }

  private static List<Path> checkpoints(Path out) throws IOException {
    Path folder = out.resolve("checkpoints");
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(p -> p.getFileName().toString().startsWith("step_")).toList();
    }
  }
}

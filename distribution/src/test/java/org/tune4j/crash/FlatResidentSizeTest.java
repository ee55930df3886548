package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The resident size of a real run, as its metrics tell it: shuffled rows of many lengths, dropout,
 * checkpoints, one adapter an epoch, with the launcher's environment. The long test is in bf16,
 * whose kernels keep compiled code of their own.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "memory is read from /proc")
@Tag("process")
class FlatResidentSizeTest {
  /** Steps, three epochs, after which nearly every pair of row lengths was there, and a save. */
  private static final int WARM = 300;

  /** MiB: what the JVM's compilers and class data take after these, and some room. */
  private static final long SLACK = 64;

  @TempDir Path temp;

  static List<String> backends() {
    return TuneProcess.backends();
  }

  @ParameterizedTest
  @MethodSource("backends")
  void train_sixHundredSteps_residentSizeIsFlat(String backend) throws Exception {
    flat(backend, "fp32", 6);
  }

  @Tag("long")
  @ParameterizedTest
  @MethodSource("backends")
  void train_tenThousandSteps_residentSizeIsFlat(String backend) throws Exception {
    flat(backend, "bf16", 100);
  }

  /** A hundred steps an epoch. */
  private void flat(String backend, String dtype, int epochs) throws Exception {
    Path rows = Files.write(temp.resolve("rows.jsonl"), rows(200));
    Path out = temp.resolve("out");
    TuneProcess.complete(
        temp,
        TuneProcess.arguments(
            backend,
            out,
            "dataset.data_files=" + rows,
            "dtype=" + dtype,
            "batch_size=2",
            "tokenizer.max_seq_len=256",
            "gradient_accumulation_steps=1",
            "optimizer.lr=1e-4",
            "save_every_n_steps=50",
            "keep_last_n=1",
            "epochs=" + epochs));
    long[] sizes = TuneProcess.residentSizes(out).toArray();
    assertEquals(100 * epochs, sizes.length);
    long before = LongStream.of(sizes).skip(WARM).limit(20).max().orElseThrow();
    long after = LongStream.of(sizes).skip(sizes.length - 20L).max().orElseThrow();
    System.out.printf(
        "%s: resident size %d MiB after %d steps, %d after %d%n",
        backend, before, WARM + 20, after, sizes.length);
    assertTrue(
        after <= before + SLACK,
        "%s: the resident size grew from %d MiB after %d steps to %d after %d, allowed %d"
            .formatted(backend, before, WARM + 20, after, sizes.length, SLACK));
  }

  /**
   * Each of another length; the tiny tokenizer takes a letter for a token, the model 256 of them.
   */
  private static List<String> rows(int count) {
    return IntStream.rangeClosed(1, count)
        .mapToObj(n -> "{\"instruction\": \"Spell.\", \"output\": \"" + "o".repeat(n) + "\"}")
        .toList();
  }
}

package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The plan of a run against the peak of the run itself, on the quickstart's model and rows so long
 * that activations are the largest part.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "memory is read from /proc")
@Tag("process")
class PlannedMemoryTest {
  private static final Pattern PLANNED = Pattern.compile("(?m)^ *(\\d+)  in all$");
  private static final Pattern ACTIVATIONS = Pattern.compile("(?m)^ *(\\d+)  activations ");
  private static final int STEPS = 24;

  @TempDir Path temp;

  static List<String> backends() {
    return TuneProcess.backends();
  }

  @ParameterizedTest
  @MethodSource("backends")
  void plan_runOfLongRows_isWithin15PerCentOfItsPeak(String backend) throws Exception {
    Path model = Path.of("../quickstart/model").toAbsolutePath().normalize();
    Path rows = Files.write(temp.resolve("rows.jsonl"), rows());
    Path out = temp.resolve("out");
    TuneProcess p =
        TuneProcess.tune(
            temp,
            TuneProcess.arguments(
                backend,
                out,
                "checkpointer.checkpoint_dir=" + model,
                "tokenizer.path=" + model,
                "dataset.data_files=" + rows,
                "batch_size=8",
                "tokenizer.max_seq_len=512",
                "gradient_accumulation_steps=1",
                "lora_dropout=0",
                "max_steps_per_epoch=8",
                "epochs=" + STEPS / 8,
                "save_every_n_steps=10"));
    assertEquals(0, p.exitCode(), p::err);
    long planned = number(PLANNED, p.out());
    assertTrue(number(ACTIVATIONS, p.out()) > planned / 3, p::out);
    // Freed pages stay with the process: after its last step it is about as large as it ever was.
    long measured = TuneProcess.residentSizes(out).skip(STEPS - 4).max().orElseThrow();
    System.out.printf("%s: planned %d MiB, resident %d%n", backend, planned, measured);
    assertEquals(measured, planned, 0.15 * measured, p::out);
  }

  private static long number(Pattern pattern, String text) {
    Matcher m = pattern.matcher(text);
    assertTrue(m.find(), text);
    return Long.parseLong(m.group(1));
  }

  /** Of 300 to 500 words of the quickstart's world. */
  private static List<String> rows() {
    Random random = new Random(3);
    return IntStream.range(0, 64)
        .mapToObj(
            i ->
                "{\"instruction\": \"Where is Tom?\", \"output\": \""
                    + "the ".repeat(300 + random.nextInt(201))
                    + "\"}")
        .toList();
  }
}

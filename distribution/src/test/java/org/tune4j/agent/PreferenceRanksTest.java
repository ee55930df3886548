package org.tune4j.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.wiring.Wiring;

/** Several ranks learn preferences as one device does with their batch. */
@Tag("process")
class PreferenceRanksTest {
  private static final String BACKEND = System.getProperty("tune4j.test.backend", "javacpp");

  @TempDir Path dir;

  private List<JsonNode> steps(String out, List<String> ranks, String recipe, String... overrides)
      throws IOException {
    TinyRun run = TinyRun.in(dir);
    Files.writeString(
        run.rows(),
        """
        {"prompt": "a", "chosen": "one two", "rejected": "two"}
        {"prompt": "b", "chosen": "two three", "rejected": "one"}
        {"prompt": "c", "chosen": "three", "rejected": "two one two"}
        """);
    List<String> args = new ArrayList<>(List.of(run.command(overrides)));
    args.set(1, recipe);
    args.addAll(1, ranks);
    args.addAll(
        List.of(
            "dataset._component_=preference_dataset",
            "epochs=3",
            "backend=" + BACKEND,
            "save_adapter_weights_only=true",
            "output_dir=" + dir.resolve(out)));
    PrintStream to = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream errors = new PrintStream(err, true, StandardCharsets.UTF_8);
    int code = Tune.execute(Wiring.installed(to), args.toArray(String[]::new), to, errors);
    assertEquals(0, code, () -> err.toString(StandardCharsets.UTF_8));
    List<JsonNode> steps = new ArrayList<>();
    for (String line : Files.readAllLines(dir.resolve(out).resolve("logs/metrics.jsonl"))) {
      steps.add(new ObjectMapper().readTree(line));
    }
    return steps;
  }

  /** KTO's ranks compare with the same answers, though each has some of the rows. */
  @ParameterizedTest
  @CsvSource({
    "dpo_loss, 4, threads, ddp",
    "dpo_loss, 4, processes, fsdp",
    "kto_loss, 4, threads, ddp",
    "kto_loss, 4, processes, fsdp",
    "orpo_loss, 4, threads, fsdp",
    "simpo_loss, 4, threads, ddp"
  })
  void ranks_giveWhatOneDeviceGives(String loss, int rows, String how, String strategy)
      throws IOException {
    assumeTrue(how.equals("threads") || BACKEND.equals("javacpp"), "threads are its only ranks");
    String objective = "loss={_component_: %s, beta: 0.5}".formatted(loss);
    List<JsonNode> expected =
        steps("one", List.of(), "lora_dpo_single_device", objective, "batch_size=" + rows);
    List<JsonNode> actual =
        steps(
            "several",
            List.of("--nproc_per_node=2", "--ranks=" + how),
            "lora_dpo_distributed",
            objective,
            "batch_size=" + rows / 2,
            "threads=1",
            "strategy=" + strategy);
    assertEquals(expected.size(), actual.size());
    assertTrue(expected.size() >= 3, expected::toString);
    for (int i = 0; i < expected.size(); i++) {
      for (String name : List.of("loss", "rewards/chosen", "log_probs/rejected", "kl")) {
        assertEquals(
            expected.get(i).path(name).asDouble(),
            actual.get(i).path(name).asDouble(),
            1e-5 * Math.max(1, Math.abs(expected.get(i).path(name).asDouble())),
            "step %d: %s".formatted(i + 1, name));
      }
    }
  }
}

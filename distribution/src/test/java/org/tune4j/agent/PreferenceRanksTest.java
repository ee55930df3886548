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
        {"prompt": "a", "chosen": "one two", "rejected": "two", "text": "one", "label": "a"}
        {"prompt": "b", "chosen": "two three", "rejected": "one", "text": "two one", "label": "b"}
        {"prompt": "c", "chosen": "three", "rejected": "two one two", "text": "three", "label": 0}
        """);
    List<String> args = new ArrayList<>(List.of(run.command(overrides)));
    args.set(1, recipe);
    args.addAll(1, ranks);
    boolean pairs = !recipe.contains("classification");
    args.addAll(
        List.of(
            pairs
                ? "dataset._component_=preference_dataset"
                : "dataset={_component_: classification_dataset, labels: [a, b], data_files: '%s'}"
                    .formatted(run.rows()),
            "epochs=3",
            "backend=" + BACKEND,
            "save_adapter_weights_only=true",
            "output_dir=" + dir.resolve(out)));
    if (recipe.startsWith("full")) {
      args.removeIf(a -> a.matches("(lora_attn_modules|apply_lora_to_mlp|save_adapter).*"));
      args.replaceAll(a -> a.equals("llama/lora_single_device") ? "llama/full_single_device" : a);
    }
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
    assertSame(expected, actual, "rewards/chosen", "log_probs/rejected", "kl");
  }

  @ParameterizedTest
  @CsvSource({
    "lora_reward, bradley_terry_loss, threads, ddp",
    "full_reward, bradley_terry_loss, processes, fsdp",
    "lora_classification, class_cross_entropy, threads, fsdp",
    "full_classification, class_cross_entropy, threads, ddp"
  })
  void classifiers_likewise(String recipe, String loss, String how, String strategy)
      throws IOException {
    assumeTrue(how.equals("threads") || BACKEND.equals("javacpp"), "threads are its only ranks");
    List<String> all = new ArrayList<>(List.of("loss={_component_: %s}".formatted(loss)));
    if (recipe.startsWith("full")) {
      all.add("optimizer.lr=1e-3");
    }
    List<String> ranks = new ArrayList<>(all);
    all.add("batch_size=4");
    ranks.addAll(List.of("batch_size=2", "threads=1", "strategy=" + strategy));
    assertSame(
        steps("one", List.of(), recipe + "_single_device", all.toArray(String[]::new)),
        steps(
            "several",
            List.of("--nproc_per_node=2", "--ranks=" + how),
            recipe + "_distributed",
            ranks.toArray(String[]::new)),
        "rewards/chosen",
        "rewards/accuracies",
        "accuracy",
        "grad_norm");
  }

  private static void assertSame(List<JsonNode> expected, List<JsonNode> actual, String... names) {
    assertEquals(expected.size(), actual.size());
    assertTrue(expected.size() >= 3, expected::toString);
    List<String> all = new ArrayList<>(List.of(names));
    all.add("loss");
    for (int i = 0; i < expected.size(); i++) {
      for (String name : all) {
        assertEquals(
            expected.get(i).path(name).asDouble(),
            actual.get(i).path(name).asDouble(),
            1e-5 * Math.max(1, Math.abs(expected.get(i).path(name).asDouble())),
            "step %d: %s".formatted(i + 1, name));
      }
    }
  }
}

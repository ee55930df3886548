package org.tune4j.recipes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;
import org.tune4j.TrainingException;
import org.tune4j.UsageException;
import org.tune4j.data.Prompt;
import org.tune4j.loss.ChunkedCrossEntropy;
import org.tune4j.loss.GrpoLoss;
import org.tune4j.rollouts.RewardScale;
import org.tune4j.rollouts.RolloutOptions;
import org.tune4j.tokenizers.Message;

/** Runs that learn from rewards. */
class GrpoRunTest {
  @TempDir Path dir;

  private static List<Prompt> prompts(int count) {
    Random random = new Random(5);
    List<Prompt> prompts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] tokens = random.ints(3 + i % 3, 3, 90).toArray();
      prompts.add(
          new Prompt(tokens, List.of(new Message("user", "p" + i, true)), Map.of("number", i)));
    }
    return prompts;
  }

  /** Rewards answers for their letters e, of which the untrained model writes few. */
  private static TinyRun run(int iterations) {
    TinyRun run = new TinyRun();
    run.rollouts = new RolloutOptions(4, 6, 1, RewardScale.GROUP, iterations, true);
    run.prompts = prompts(4);
    run.reward = c -> c.text().chars().filter(letter -> letter == 'e').count();
    run.loss = new GrpoLoss(0.02, 0.2, null, GrpoLoss.LossType.GRPO, 5);
    run.batchSize = 4;
    run.accumulation = 2;
    run.epochs = 3;
    return run;
  }

  @ParameterizedTest
  @EnumSource(GrpoLoss.LossType.class)
  void reward_rises_andMetricsTellOfIt(GrpoLoss.LossType type) throws IOException {
    TinyRun run = run(1);
    run.loss = new GrpoLoss(0.02, 0.2, null, type, 5);
    run.epochs = 12;
    run.lr = 2e-2;
    run.run(dir);
    List<JsonNode> steps = TinyRun.metrics(dir);
    assertEquals(24, steps.size());
    for (String name :
        List.of(
            "rewards/mean",
            "rewards/std",
            "frac_reward_zero_std",
            "completions/mean_length",
            "completions/clipped_ratio",
            "kl",
            "clip_ratio")) {
      assertTrue(steps.get(0).has(name), steps.get(0)::toString);
    }
    double before = reward(steps.subList(0, 4));
    double after = reward(steps.subList(20, 24));
    assertTrue(after > before + 0.5, () -> before + " -> " + after);
    assertEquals(0, steps.get(0).get("kl").asDouble(), 1e-6, "an adapter begins at zero");
    assertTrue(steps.get(23).get("kl").asDouble() > 1e-3, steps.get(23)::toString);
    assertEquals(0, steps.get(23).get("clip_ratio").asDouble(), "the ratio of one update is 1");
  }

  private static double reward(List<JsonNode> steps) {
    return steps.stream().mapToDouble(s -> s.get("rewards/mean").asDouble()).average().orElse(0);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void stoppedAndResumed_givesTheSameBits(int iterations) throws IOException {
    TinyRun.assertResumesToTheSameBits(
        () -> {
          TinyRun run = run(iterations);
          run.dropout = 0.1;
          return run;
        },
        dir);
  }

  @Test
  void sameSeed_givesTheSameAnswers_anotherSeedOthers() {
    List<List<String>> answers = new ArrayList<>();
    for (long seed : new long[] {7, 7, 8}) {
      List<String> some = new ArrayList<>();
      TinyRun run = run(1);
      run.seed = seed;
      run.reward =
          c -> {
            some.add(c.columns().get("number") + c.prompt() + c.text() + c.finished());
            return some.size() % 3;
          };
      run.run(dir.resolve("" + answers.size()));
      answers.add(some);
    }
    assertEquals(3 * 4 * 4, answers.get(0).size());
    assertEquals(answers.get(0), answers.get(1));
    assertFalse(answers.get(0).equals(answers.get(2)), answers.get(0)::toString);
    assertTrue(answers.get(0).get(0).matches("(?s)\\dp\\d.*"), answers.get(0)::toString);
  }

  @Test
  void severalUpdates_areClipped() throws IOException {
    TinyRun run = run(4);
    run.lr = 5e-2;
    run.run(dir);
    double clipped =
        TinyRun.metrics(dir).stream().mapToDouble(s -> s.get("clip_ratio").asDouble()).sum();
    assertTrue(clipped > 0, "no ratio went beyond its limits");
  }

  @Test
  void dryRun_samplesAndUpdates_andWritesNothing() {
    TinyRun run = run(1);
    run.dryRun = true;
    run.run(dir.resolve("out"));
    assertTrue(run.printed.contains("dry run: sampled 8 answers, "), run.printed);
    assertTrue(
        run.printed.contains("dry run: the heaviest of 2 batches has 8 rows, "), run.printed);
    assertFalse(Files.exists(dir.resolve("out")));
  }

  @Test
  void rewardsThatAreNone_areRefused() {
    TinyRun run = run(1);
    run.reward = c -> Double.NaN;
    String message = assertThrows(TrainingException.class, () -> run.run(dir)).getMessage();
    assertTrue(
        message.startsWith("the reward of the answer '")
            && message.endsWith("' is NaN, expected a finite number; correct the reward function"),
        message);
  }

  @Test
  void otherLossesAndRows_areRefused() {
    TinyRun supervised = run(1);
    supervised.loss = new ChunkedCrossEntropy(8, 5);
    assertEquals(
        "loss is none of sampled answers; expected grpo_loss",
        assertThrows(UsageException.class, () -> supervised.run(dir)).getMessage());
    TinyRun answered = run(1);
    answered.prompts = List.of();
    assertEquals(
        "dataset: its rows are no prompts, whose answers are sampled; use prompt_dataset",
        assertThrows(InputException.class, () -> answered.run(dir)).getMessage());
    TinyRun validated = run(1);
    validated.validation = TinyRun.rows(4, 2);
    assertEquals(
        "dataset_val is set, and there is no loss of answers that are not sampled; leave it out,"
            + " the steps' rewards/mean tells how the run goes",
        assertThrows(UsageException.class, () -> validated.run(dir)).getMessage());
    TinyRun finetuning = run(1);
    finetuning.rollouts = null;
    assertEquals(
        "dataset: its rows are prompts without answers; train on them with lora_grpo_single_device,"
            + " or give rows with answers",
        assertThrows(InputException.class, () -> finetuning.run(dir)).getMessage());
    finetuning.prompts = List.of();
    assertEquals(
        "dataset: its rows have answers, and the loss is of answers that are sampled; use"
            + " lora_grpo_single_device with prompt_dataset",
        assertThrows(InputException.class, () -> finetuning.run(dir)).getMessage());
  }
}

package org.tune4j.recipes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.loss.ChunkedCrossEntropy;
import org.tune4j.loss.DpoLoss;
import org.tune4j.loss.HingeLoss;
import org.tune4j.loss.IpoLoss;
import org.tune4j.loss.KtoLoss;
import org.tune4j.loss.OrpoLoss;
import org.tune4j.loss.SimpoLoss;
import org.tune4j.nn.Objective;

/** Runs that learn preferences. */
class PreferenceRunTest {
  @TempDir Path dir;

  static Stream<Objective> losses() {
    return Stream.of(
        new DpoLoss(0.5, 0, false, 5),
        new IpoLoss(0.5, 5),
        new HingeLoss(0.5, 5),
        new KtoLoss(0.5, 1, 1, 5),
        new OrpoLoss(0.5, 5),
        new SimpoLoss(2, 0.5, 5));
  }

  private static TinyRun run(Objective loss) {
    TinyRun run = new TinyRun();
    run.preferences = true;
    run.loss = loss;
    run.rows = TinyRun.pairs(3, 3);
    run.validation = TinyRun.pairs(4, 2);
    run.batchSize = 2;
    run.accumulation = 1;
    run.dropout = 0.1;
    return run;
  }

  @ParameterizedTest
  @MethodSource("losses")
  void chosenAnswers_gainOnRejectedOnes_andMetricsTellOfIt(Objective loss) throws IOException {
    TinyRun run = run(loss);
    run.epochs = 6;
    run.dropout = 0;
    run.run(dir);
    List<JsonNode> steps = TinyRun.metrics(dir);
    JsonNode first = steps.get(0);
    JsonNode last = steps.get(steps.size() - 1);
    for (String name :
        List.of(
            "rewards/chosen",
            "rewards/rejected",
            "rewards/margins",
            "log_probs/chosen",
            "log_probs/rejected")) {
      assertTrue(last.has(name) || loss instanceof KtoLoss, last::toString);
      assertTrue(last.has("val_" + name), last::toString);
    }
    assertTrue(
        last.get("val_rewards/margins").asDouble() != first.path("rewards/margins").asDouble(),
        last::toString);
    double before = steps.stream().limit(2).mapToDouble(s -> s.get("loss").asDouble()).sum();
    double after =
        steps.stream().skip(steps.size() - 2).mapToDouble(s -> s.get("loss").asDouble()).sum();
    assertTrue(after < before, () -> before + " -> " + after);
  }

  @ParameterizedTest
  @MethodSource("losses")
  void stoppedAndResumed_givesTheSameBits(Objective loss) throws IOException {
    TinyRun.assertResumesToTheSameBits(() -> run(loss), dir);
  }

  private static void assertSame(List<JsonNode> expected, List<JsonNode> actual, double tolerance) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      for (String name : List.of("loss", "val_loss", "rewards/chosen", "log_probs/rejected")) {
        assertEquals(
            expected.get(i).path(name).asDouble(),
            actual.get(i).path(name).asDouble(),
            tolerance,
            "step " + (i + 1) + ": " + name);
      }
    }
  }

  @Test
  void precomputedReference_givesTheSame_andIsComputedOnce() throws IOException {
    for (Objective loss : List.of(new DpoLoss(0.5, 0, false, 5), new KtoLoss(0.5, 1, 1, 5))) {
      String name = loss.getClass().getSimpleName();
      TinyRun live = run(loss);
      live.run(dir.resolve(name + "-live"));
      TinyRun known = run(loss);
      known.precomputeReference = true;
      known.seed = live.seed;
      known.run(dir.resolve(name + "-known"));
      assertSame(
          TinyRun.metrics(dir.resolve(name + "-live")),
          TinyRun.metrics(dir.resolve(name + "-known")),
          1e-4);
      known.run(dir.resolve(name + "-again"));
      assertFalse(known.printed.contains("computing the reference's"), known.printed);
    }
  }

  @Test
  void allWeights_areComparedWithAFrozenCopy() throws IOException {
    for (boolean precompute : List.of(false, true)) {
      TinyRun run = run(new DpoLoss(0.5, 0, false, 5));
      run.full = true;
      run.precomputeReference = precompute;
      run.lr = 1e-3;
      run.run(dir.resolve("full-" + precompute));
    }
    List<JsonNode> steps = TinyRun.metrics(dir.resolve("full-false"));
    assertEquals(Math.log(2), steps.get(0).get("loss").asDouble(), 1e-4);
    assertTrue(steps.get(3).get("loss").asDouble() < 0.69, steps::toString);
    assertSame(steps, TinyRun.metrics(dir.resolve("full-true")), 1e-4);
  }

  @Test
  void rowsOfAnotherKind_areRefused() {
    Map<Objective, String> refusals =
        Map.of(
            new DpoLoss(0.5, 0, false, 5),
            "dataset: its rows are no pairs of a chosen and a rejected answer, which the loss compares; use preference_dataset",
            new KtoLoss(0.5, 1, 1, 5),
            "dataset: its rows do not say which answers are desirable, which the loss needs; use kto_dataset or preference_dataset");
    refusals.forEach(
        (loss, message) -> {
          TinyRun plain = run(loss);
          plain.rows = TinyRun.rows(3, 6);
          assertEquals(
              message, assertThrows(InputException.class, () -> plain.run(dir)).getMessage());
        });
    TinyRun supervised = run(new ChunkedCrossEntropy(8, 5));
    assertEquals(
        "loss is none of preferences; expected dpo_loss, ipo_loss, hinge_loss, kto_loss, orpo_loss or simpo_loss",
        assertThrows(UsageException.class, () -> supervised.run(dir)).getMessage());
    supervised.preferences = false;
    assertEquals(
        "dataset: its answers are rated, and the loss would learn the rejected ones too; use a loss such as dpo_loss or kto_loss",
        assertThrows(InputException.class, () -> supervised.run(dir)).getMessage());
  }
}

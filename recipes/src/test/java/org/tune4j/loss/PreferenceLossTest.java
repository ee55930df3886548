package org.tune4j.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.UsageException;
import org.tune4j.models.GoldenFile;
import org.tune4j.models.TestBackend;
import org.tune4j.nn.MicroBatch;
import org.tune4j.nn.Objective;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Losses of preferences against torchtune's values and their papers' formulas. */
class PreferenceLossTest {
  private static final int CHUNK = 8;

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  @ParameterizedTest
  @CsvSource({"0.1, 0, loss_beta_0.1", "0.3, 0.1, loss_beta_0.3_smoothing_0.1"})
  void dpo_ofGoldenPairs_isTorchtunes(double beta, double smoothing, String name) {
    Engine engine = TestBackend.engine();
    try (TensorScope scope = engine.openScope()) {
      Map<String, Tensor> golden = new GoldenFile("losses.safetensors").tensors(engine);
      for (int i = 0; i < 6; i++) {
        GivenRows pair =
            new GivenRows(
                at(golden, i, "policy_chosen", "policy_rejected"),
                at(golden, i, "reference_chosen", "reference_rejected"),
                3);
        Objective.Sums sums = new DpoLoss(beta, smoothing, false, CHUNK).evaluate(pair);
        assertEquals(at(golden, i, name)[0], sums.loss(), 1e-6, name + " " + i);
        if (smoothing == 0) {
          double[] rewards = at(golden, i, "chosen_rewards", "rejected_rewards");
          assertEquals(rewards[0], sums.metrics().get("rewards/chosen"), 1e-6);
          assertEquals(rewards[1], sums.metrics().get("rewards/rejected"), 1e-6);
          assertEquals(rewards[0] - rewards[1], sums.metrics().get("rewards/margins"), 1e-6);
          assertEquals(rewards[0] > rewards[1] ? 1 : 0, sums.metrics().get("rewards/accuracies"));
        }
      }
    }
  }

  private static double[] at(Map<String, Tensor> golden, int i, String... names) {
    return List.of(names).stream().mapToDouble(n -> golden.get(n).toFloats()[i]).toArray();
  }

  /**
   * Policy and reference of a pair; its lead is 2, 0.5 where each answer's 4 tokens are averaged.
   */
  private static GivenRows pair() {
    return new GivenRows(new double[] {-4, -10}, new double[] {-5, -9}, 4);
  }

  @Test
  void otherLosses_areTheirPapers() {
    assertEquals(
        (0.8 * -Math.log(sigmoid(0.6)) + 0.2 * Math.log(sigmoid(-0.6))) / 0.6,
        new DpoLoss(0.3, 0.2, true, CHUNK).evaluate(pair()).loss(),
        1e-12);
    assertEquals(
        0.25 * 0.25, new IpoLoss(0.6666666666666666, CHUNK).evaluate(pair()).loss(), 1e-12);
    assertEquals(0.4, new HingeLoss(0.3, CHUNK).evaluate(pair()).loss(), 1e-12);
    assertEquals(0, new HingeLoss(0.7, CHUNK).evaluate(pair()).loss());
    assertEquals(
        -Math.log(sigmoid(2 * 1.5 - 0.5)),
        new SimpoLoss(2, 0.5, CHUNK).evaluate(pair()).loss(),
        1e-12);
    double odds = Math.exp(-1) / (1 - Math.exp(-1)) * (1 - Math.exp(-2.5)) / Math.exp(-2.5);
    assertEquals(
        -0.1 * Math.log(sigmoid(Math.log(odds))),
        new OrpoLoss(0.1, CHUNK).evaluate(pair()).loss(),
        1e-12);
  }

  @Test
  void metrics_withoutReference_areOfAverages() {
    Map<String, Double> metrics = new SimpoLoss(2, 0.5, CHUNK).evaluate(pair()).metrics();
    assertEquals(-1, metrics.get("log_probs/chosen"));
    assertEquals(-2.5, metrics.get("log_probs/rejected"));
    assertEquals(-2, metrics.get("rewards/chosen"));
    assertEquals(3, metrics.get("rewards/margins"));
    Map<String, Double> whole = new IpoLoss(0.1, CHUNK).evaluate(pair()).metrics();
    assertEquals(-4, whole.get("log_probs/chosen"));
    assertEquals(0.1, whole.get("rewards/chosen"), 1e-12);
  }

  /** A micro-batch whose mismatched answers have grown likelier by so much in all. */
  private record Grown(List<Row> rows, double sum) implements MicroBatch {
    @Override
    public int longest() {
      return 9;
    }

    @Override
    public Objective.Sums evaluate(List<Row> mismatched, Objective objective) {
      assertEquals(rows.size(), mismatched.size());
      return Objective.Sums.of(sum);
    }
  }

  @ParameterizedTest
  @CsvSource({"3, 1.5", "-3, 0"})
  void kto_comparesWithAnswersInGeneral_neverBelowZero(double grown, double kl) {
    MicroBatch.Row row = new MicroBatch.Row(new int[] {1, 2, 3}, new int[] {-100, 3, -100}, 1);
    Objective bound = new KtoLoss(0.5, 2, 3, CHUNK).of(new Grown(List.of(row, row), grown));
    Objective.Sums sums = bound.evaluate(pair());
    assertEquals(
        2 * (1 - sigmoid(0.5 * (1 - kl))) + 3 * (1 - sigmoid(0.5 * (kl + 1))), sums.loss(), 1e-12);
    Map<String, Double> means = bound.means(sums.metrics(), 2);
    assertEquals(
        List.of(0.5, -0.5, 1.0, -4.0, -10.0, kl),
        List.of(
                "rewards/chosen",
                "rewards/rejected",
                "rewards/margins",
                "log_probs/chosen",
                "log_probs/rejected",
                "kl")
            .stream()
            .map(means::get)
            .toList());
  }

  @Test
  void kto_withoutDesirableRows_saysNothingOfThem() {
    KtoLoss loss = new KtoLoss(0.5, 1, 1, CHUNK);
    Map<String, Double> means =
        loss.means(Map.of("rewards/rejected", -3.0, "rows/rejected", 2.0, "kl", 0.0), 2);
    assertEquals(-1.5, means.get("rewards/rejected"));
    assertEquals(
        List.of("rewards/rejected", "log_probs/rejected", "kl"), List.copyOf(means.keySet()));
  }

  @Test
  void kto_asksEachPromptWithTheAnswerOfTheRowBefore() {
    MicroBatch.Row first =
        new MicroBatch.Row(
            new int[] {1, 2, 3, 4, 5}, new int[] {-100, 3, 4, 5, -100}, 1); // answers 3 4 5
    MicroBatch.Row second =
        new MicroBatch.Row(new int[] {6, 7, 8, 9}, new int[] {-100, -100, 9, -100}, 0); // answers 9
    List<MicroBatch.Row> asked = new ArrayList<>();
    Objective unused =
        new KtoLoss(0.5, 1, 1, CHUNK)
            .of(
                new MicroBatch() {
                  @Override
                  public List<Row> rows() {
                    return List.of(first, second);
                  }

                  @Override
                  public int longest() {
                    return 5;
                  }

                  @Override
                  public Objective.Sums evaluate(List<Row> rows, Objective objective) {
                    asked.addAll(rows);
                    return Objective.Sums.ZERO;
                  }
                });
    assertEquals(List.of(1, 2, 9), ints(asked.get(0).tokens()));
    assertEquals(List.of(-100, 9, -100), ints(asked.get(0).labels()));
    assertEquals(List.of(6, 7, 8, 3, 4), ints(asked.get(1).tokens()), "cut to the longest");
    assertEquals(List.of(-100, -100, 3, 4, -100), ints(asked.get(1).labels()));
  }

  private static List<Integer> ints(int[] values) {
    return Arrays.stream(values).boxed().toList();
  }

  @Test
  void numbersOutOfRange_areNamed() {
    assertEquals(
        "label_smoothing is 0.5, expected 0 to below 0.5",
        assertThrows(UsageException.class, () -> new DpoLoss(0.1, 0.5, false, 1)).getMessage());
    assertEquals(
        "beta is 0.0, expected a number above 0",
        assertThrows(UsageException.class, () -> new IpoLoss(0, 1)).getMessage());
    assertEquals(
        "undesirable_weight is -1.0, expected a number above 0",
        assertThrows(UsageException.class, () -> new KtoLoss(1, 1, -1, 1)).getMessage());
  }
}

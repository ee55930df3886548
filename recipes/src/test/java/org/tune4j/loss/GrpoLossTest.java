package org.tune4j.loss;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tune4j.UsageException;
import org.tune4j.nn.MicroBatch;
import org.tune4j.nn.Objective;

/** GRPO against TRL's trainer: golden/grpo/make_grpo.py. */
class GrpoLossTest {
  private static final JsonNode GOLDEN = golden();
  private static final double[][] NONE = {};

  private static JsonNode golden() {
    try {
      return new ObjectMapper()
          .readTree(GrpoLossTest.class.getResourceAsStream("/golden/grpo/grpo.json"));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  static Stream<JsonNode> cases() {
    return StreamSupport.stream(GOLDEN.get("cases").spliterator(), false);
  }

  private static double[] row(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false)
        .mapToDouble(JsonNode::asDouble)
        .toArray();
  }

  private static double[][] rows(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false)
        .map(GrpoLossTest::row)
        .toArray(double[][]::new);
  }

  private static GrpoLoss loss(JsonNode c) {
    return new GrpoLoss(
            c.get("beta").asDouble(),
            c.get("epsilon").asDouble(),
            c.get("epsilon_high").asDouble(),
            GrpoLoss.LossType.valueOf(c.get("loss_type").asText().toUpperCase(Locale.ROOT)),
            8)
        .sampled(1, GOLDEN.get("max_new_tokens").asInt());
  }

  /** Rows of so many labels each. */
  private record Batch(double[][] labels) implements MicroBatch {
    @Override
    public List<Row> rows() {
      return Arrays.stream(labels)
          .map(r -> new Row(new int[r.length], new int[r.length], 0))
          .toList();
    }

    @Override
    public int longest() {
      return 9;
    }

    @Override
    public Objective.Sums evaluate(List<Row> rows, Objective objective) {
      throw new UnsupportedOperationException();
    }
  }

  private static double[][] some(double[][] all, int from) {
    return all.length == 0 ? all : Arrays.copyOfRange(all, from, from + 2);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void lossAndGradient_areTrls(JsonNode c) {
    GrpoLoss loss = loss(c);
    double[][] policy = rows(GOLDEN.get("policy"));
    double[][] earlier = c.get("earlier").asBoolean() ? rows(GOLDEN.get("earlier")) : NONE;
    double[][] reference = rows(GOLDEN.get("reference"));
    double[][] gradient = rows(c.get("gradient"));
    double[] advantages = row(GOLDEN.get("advantages"));
    long labels = Arrays.stream(policy).mapToLong(r -> r.length).sum();
    long count = loss.count(policy.length, labels);
    Objective.Sums sums = Objective.Sums.ZERO;
    for (int from = 0; from < policy.length; from += 2) {
      GivenLabels rows =
          new GivenLabels(
              some(policy, from),
              some(earlier, from),
              some(reference, from),
              Arrays.copyOfRange(advantages, from, from + 2));
      sums = sums.plus(loss.of(new Batch(some(policy, from))).evaluate(rows));
      for (int row = 0; row < 2; row++) {
        double[] mean = Arrays.stream(rows.weights[row]).map(w -> w / count).toArray();
        assertArrayEquals(gradient[from + row], mean, 1e-12, "row " + (from + row));
      }
    }
    assertEquals(c.get("loss").asDouble(), sums.loss() / count, 1e-12);
  }

  @Test
  void metrics_areMeansOverTokens() {
    GrpoLoss loss = new GrpoLoss(0.1, 0.2, null, GrpoLoss.LossType.GRPO, 8);
    double[][] policy = {{-1, -1}, {-1, -1}};
    double[][] earlier = {{-2, -1}, {-1, -2}};
    double[][] reference = {{-1, -1}, {-1, -1 + Math.log(2)}};
    Objective.Sums sums =
        loss.evaluate(new GivenLabels(policy, earlier, reference, new double[] {1, -1}));
    Map<String, Double> means = loss.means(sums.metrics(), 2);
    assertEquals(0.25, means.get("clip_ratio"), "above 1 with a positive advantage alone");
    assertEquals((2 - Math.log(2) - 1) / 4, means.get("kl"), 1e-12);
    assertEquals(List.of("kl", "clip_ratio"), List.copyOf(means.keySet()));
    GrpoLoss without = new GrpoLoss(0, 0.2, null, GrpoLoss.LossType.GRPO, 8);
    assertTrue(loss.needsReference() && !without.needsReference());
    assertEquals(List.of("clip_ratio"), List.copyOf(without.means(sums.metrics(), 2).keySet()));
  }

  @Test
  void count_isOfTokensForDapoAlone() {
    assertEquals(
        List.of(4L, 30L, 4L, 4L),
        IntStream.range(0, 4)
            .mapToObj(i -> new GrpoLoss(0, 0, null, GrpoLoss.LossType.values()[i], 8))
            .map(l -> l.count(4, 30))
            .toList());
  }

  @Test
  void numbersOutOfRange_areNamed() {
    UsageException e =
        assertThrows(
            UsageException.class, () -> new GrpoLoss(-1, 1.5, -0.1, GrpoLoss.LossType.GRPO, 0));
    assertEquals(
        List.of(
            "beta is -1.0, expected 0 or more",
            "epsilon is 1.5, expected 0 to 1",
            "epsilon_high is -0.1, expected 0 or more",
            "chunk_tokens is 0, expected 1 or more"),
        e.problems());
  }
}

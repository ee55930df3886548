package org.tune4j.loss;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.tune4j.models.Decoder;
import org.tune4j.models.PackedRows;
import org.tune4j.models.RowFacts;
import org.tune4j.models.TestBackend;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.nn.RowsAtHead;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** GRPO's gradient through a model against finite differences, in fp64. */
class GrpoGradientTest {
  private static final long SEED = 17;
  private static final Engine ENGINE = TestBackend.engine();
  private static final double[] ADVANTAGES = {1.2, -0.7, 0.4, -0.9};

  /** Rows of random ids, the first three of each a prompt. */
  private static final List<int[]> ROWS =
      new Random(SEED)
          .ints(4, 6, 11)
          .mapToObj(n -> new Random(SEED + n).ints(n, 3, 300).toArray())
          .toList();

  private static int[] labels() {
    return ROWS.stream()
        .flatMapToInt(
            row ->
                IntStream.range(0, row.length)
                    .map(i -> i >= 2 && i + 1 < row.length ? row[i + 1] : Decoder.IGNORED))
        .toArray();
  }

  static Stream<Arguments> objectives() {
    return Stream.of(GrpoLoss.LossType.values())
        .map(type -> new GrpoLoss(0.3, 0.2, 0.3, type, 5).sampled(0.7, 12))
        .flatMap(o -> Stream.of(Arguments.of(o, "qv_r8"), Arguments.of(o, "all_r4")));
  }

  private static Objective.Sums evaluate(
      Decoder model, Pass pass, Objective objective, double[] earlier) {
    PackedRows packed = PackedRows.of(ROWS);
    RowFacts facts = new RowFacts(ADVANTAGES, new double[0], earlier);
    return model.lossAndBackward(
        pass, new PackedRows(packed.tokens(), packed.rowEnds(), facts), labels(), objective);
  }

  /** Reads the labels' log-probabilities. */
  private static double[] logProbabilities(Decoder model, Pass pass, double temperature) {
    double[][] found = new double[1][];
    Objective.Sums unused =
        evaluate(
            model,
            pass,
            new Objective() {
              @Override
              public int chunkTokens() {
                return 5;
              }

              @Override
              public long count(long rows, long labelTokens) {
                return rows;
              }

              @Override
              public Sums evaluate(RowsAtHead rows) {
                found[0] =
                    Arrays.stream(rows.labelLogProbabilities(temperature))
                        .flatMapToDouble(Arrays::stream)
                        .toArray();
                return Sums.ZERO;
              }
            },
            new double[0]);
    return found[0];
  }

  /** Other log-probabilities than a model's, so that ratios lie within and beyond the limits. */
  private static double[] shifted(double[] now) {
    Random random = new Random(SEED);
    return DoubleStream.of(now).map(p -> p + 1.2 * (random.nextDouble() - 0.5)).toArray();
  }

  @ParameterizedTest
  @MethodSource("objectives")
  void gradient_isTheFiniteDifference(Objective objective, String variant) {
    try (TensorScope scope = ENGINE.openScope()) {
      Decoder model = FiniteDifferences.model(variant);
      double[] earlier = shifted(logProbabilities(model, Pass.evaluation(ENGINE, scope), 0.7));
      Pass pass = new Pass(ENGINE, scope, true, 1);
      Objective.Sums sums = evaluate(model, pass, objective, earlier);
      double clipped = sums.metrics().get("clip_ratio");
      assertTrue(clipped > 0 && clipped < earlier.length, "clipped: " + clipped);
      FiniteDifferences.compare(
          model, pass.gradients(), p -> evaluate(model, p, objective, earlier).loss(), SEED);
    }
  }

  /** Of one update the ratio is 1, and its gradient that of earlier values equal to the model's. */
  @Test
  void gradient_withoutEarlierValues_isThatOfTheModelsOwn() {
    GrpoLoss objective = new GrpoLoss(0.3, 0.2, null, GrpoLoss.LossType.GRPO, 5);
    try (TensorScope scope = ENGINE.openScope()) {
      Decoder model = FiniteDifferences.model("qv_r8");
      double[] own = logProbabilities(model, Pass.evaluation(ENGINE, scope), 1);
      Pass without = new Pass(ENGINE, scope, true, 1);
      Pass with = new Pass(ENGINE, scope, true, 1);
      assertEquals(
          evaluate(model, with, objective, own).loss(),
          evaluate(model, without, objective, new double[0]).loss(),
          1e-12);
      Map<Parameter, Tensor> expected = with.gradients();
      without
          .gradients()
          .forEach((p, g) -> assertArrayEquals(expected.get(p).toDoubles(), g.toDoubles(), 1e-12));
    }
  }
}

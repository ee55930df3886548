package org.tune4j.loss;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.LinkedHashMap;
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
import org.tune4j.models.GoldenFile;
import org.tune4j.models.PackedRows;
import org.tune4j.models.RowFacts;
import org.tune4j.models.TestBackend;
import org.tune4j.models.TinyModels;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.nn.RowsAtHead;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** GRPO's gradient through a model against finite differences, in fp64. */
class GrpoGradientTest {
  private static final long SEED = 17;
  private static final double STEP = 1e-4;
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

  private static Decoder model(String variant) {
    Decoder model =
        TinyModels.adapted(
            "llama2", variant.equals("qv_r8") ? TinyModels.QV_R8 : TinyModels.ALL_R4, DType.FP64);
    Map<String, Tensor> all = new GoldenFile("families/llama2/model.safetensors").tensors(ENGINE);
    all.putAll(
        new GoldenFile("lora/" + variant + "/initial/adapter_model.safetensors").tensors(ENGINE));
    all.replaceAll((name, t) -> t.cast(DType.FP64));
    StateDict.load(model, all, true);
    return model;
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
    Random random = new Random(SEED);
    try (TensorScope scope = ENGINE.openScope()) {
      Decoder model = model(variant);
      double[] earlier = shifted(logProbabilities(model, Pass.evaluation(ENGINE, scope), 0.7));
      Pass pass = new Pass(ENGINE, scope, true, 1);
      Objective.Sums sums = evaluate(model, pass, objective, earlier);
      double clipped = sums.metrics().get("clip_ratio");
      assertTrue(clipped > 0 && clipped < earlier.length, "clipped: " + clipped);
      Map<Parameter, Tensor> gradients = pass.gradients();
      Map<String, Parameter> trained = new LinkedHashMap<>(model.parameters());
      trained.values().removeIf(p -> !p.trainable());
      assertEquals(trained.size(), gradients.size());
      double largest = 0;
      for (Map.Entry<String, Parameter> e : trained.entrySet()) {
        double[] gradient = gradients.get(e.getValue()).toDoubles();
        int at = random.nextInt(gradient.length);
        double difference =
            (lossAt(model, e.getValue(), at, STEP, objective, earlier)
                    - lossAt(model, e.getValue(), at, -STEP, objective, earlier))
                / (2 * STEP);
        largest = Math.max(largest, Math.abs(difference));
        assertEquals(
            difference,
            gradient[at],
            1e-6 * Math.max(1, Math.abs(difference)),
            "%s[%d], seed %d".formatted(e.getKey(), at, SEED));
      }
      assertTrue(largest > 1e-4, "nothing to compare: " + largest);
    }
  }

  private static double lossAt(
      Decoder model, Parameter p, int at, double by, Objective objective, double[] earlier) {
    try (TensorScope scope = ENGINE.openScope();
        Engine.NoGradient off = ENGINE.noGradient()) {
      double[] values = p.tensor().toDoubles();
      double before = values[at];
      values[at] = before + by;
      p.tensor().copyFrom(ENGINE.tensor(values, DType.FP64, p.shape()));
      double loss = evaluate(model, Pass.evaluation(ENGINE, scope), objective, earlier).loss();
      values[at] = before;
      p.tensor().copyFrom(ENGINE.tensor(values, DType.FP64, p.shape()));
      return loss;
    }
  }

  /** Of one update the ratio is 1, and its gradient that of earlier values equal to the model's. */
  @Test
  void gradient_withoutEarlierValues_isThatOfTheModelsOwn() {
    GrpoLoss objective = new GrpoLoss(0.3, 0.2, null, GrpoLoss.LossType.GRPO, 5);
    try (TensorScope scope = ENGINE.openScope()) {
      Decoder model = model("qv_r8");
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

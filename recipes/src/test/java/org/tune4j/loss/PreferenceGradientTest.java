package org.tune4j.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
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
import org.tune4j.nn.Loss;
import org.tune4j.nn.MicroBatch;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Gradients of each loss against finite differences, in fp64. */
class PreferenceGradientTest {
  private static final long SEED = 11;
  private static final double STEP = 1e-4;
  private static final Engine ENGINE = TestBackend.engine();

  /** Rows of random ids, the first three of each a prompt. */
  private static final List<int[]> ROWS = rows();

  private static List<int[]> rows() {
    Random random = new Random(SEED);
    List<int[]> rows = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      rows.add(random.ints(6 + random.nextInt(5), 3, 300).toArray());
    }
    return rows;
  }

  private static int[] labels(int[] row) {
    int[] labels = new int[row.length];
    Arrays.setAll(labels, i -> i >= 2 && i + 1 < row.length ? row[i + 1] : Decoder.IGNORED);
    return labels;
  }

  /** The rows, of which other answers have become likelier by 0.4 in all. */
  private record Batch() implements MicroBatch {
    @Override
    public List<Row> rows() {
      return ROWS.stream().map(r -> new Row(r, labels(r), Double.NaN)).toList();
    }

    @Override
    public int longest() {
      return 64;
    }

    @Override
    public Objective.Sums evaluate(List<Row> rows, Objective objective) {
      return Objective.Sums.of(0.4);
    }
  }

  static Stream<Arguments> objectives() {
    return Stream.of(
            new DpoLoss(0.5, 0, false, 5),
            new DpoLoss(0.5, 0.1, false, 5),
            new DpoLoss(0.5, 0.1, true, 5),
            new IpoLoss(0.3, 5),
            new HingeLoss(0.05, 5),
            new KtoLoss(0.5, 1, 2, 5),
            new OrpoLoss(0.3, 5),
            new SimpoLoss(2, 0.5, 5))
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

  private static double loss(Decoder model, Pass pass, Objective objective) {
    PackedRows packed = PackedRows.of(ROWS);
    double[] ratings = {1, 0, 1, 0};
    return model
        .lossAndBackward(
            pass,
            new PackedRows(packed.tokens(), packed.rowEnds(), new RowFacts(ratings, new double[0])),
            ROWS.stream().flatMapToInt(r -> Arrays.stream(labels(r))).toArray(),
            objective)
        .loss();
  }

  @ParameterizedTest
  @MethodSource("objectives")
  void gradient_isTheFiniteDifference(Objective given, String variant) {
    Objective objective = given.of(new Batch());
    Random random = new Random(SEED);
    try (TensorScope scope = ENGINE.openScope()) {
      Decoder model = model(variant);
      Pass pass = new Pass(ENGINE, scope, true, 1);
      double unused = loss(model, pass, objective);
      Map<Parameter, Tensor> gradients = pass.gradients();
      Map<String, Parameter> trained = new LinkedHashMap<>(model.parameters());
      trained.values().removeIf(p -> !p.trainable());
      assertEquals(trained.size(), gradients.size());
      double largest = 0;
      for (Map.Entry<String, Parameter> e : trained.entrySet()) {
        double[] gradient = gradients.get(e.getValue()).toDoubles();
        int at = random.nextInt(gradient.length);
        double difference =
            (shifted(model, e.getValue(), at, STEP, objective)
                    - shifted(model, e.getValue(), at, -STEP, objective))
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

  private static double shifted(
      Decoder model, Parameter p, int at, double by, Objective objective) {
    try (TensorScope scope = ENGINE.openScope();
        Engine.NoGradient off = ENGINE.noGradient()) {
      double[] values = p.tensor().toDoubles();
      double before = values[at];
      values[at] = before + by;
      p.tensor().copyFrom(ENGINE.tensor(values, DType.FP64, p.shape()));
      double loss = loss(model, Pass.evaluation(ENGINE, scope), objective);
      values[at] = before;
      p.tensor().copyFrom(ENGINE.tensor(values, DType.FP64, p.shape()));
      return loss;
    }
  }

  @Test
  void orpo_averagesCrossEntropyOverAllTokensOfChosenRows() {
    try (TensorScope scope = ENGINE.openScope();
        Engine.NoGradient off = ENGINE.noGradient()) {
      Decoder model = model("qv_r8");
      Pass pass = Pass.evaluation(ENGINE, scope);
      Objective bound = new OrpoLoss(0.3, 5).of(new Batch());
      double odds = loss(model, pass, new OrpoLoss(0.3, 5));
      double all = 0;
      long tokens = 0;
      for (int row = 0; row < 4; row += 2) {
        int[] ids = ROWS.get(row);
        int[] next = new int[ids.length];
        Arrays.setAll(next, i -> i + 1 < ids.length ? ids[i + 1] : Decoder.IGNORED);
        all += model.lossAndBackward(pass, PackedRows.of(ids), next, Loss.crossEntropy(64)).loss();
        tokens += ids.length - 1;
      }
      assertEquals(odds / 2 + all / tokens, loss(model, pass, bound) / 2, 1e-9);
    }
  }
}

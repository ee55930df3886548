package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.nn.RowsAtHead;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** What an objective sees of its rows, and the gradients that it asks for. */
class ObjectiveTest {
  private static final double BETA = 0.5;
  private static final List<int[]> ROWS =
      List.of(
          new int[] {5, 6, 7, 8},
          new int[] {9, 10, 11},
          new int[] {12, 13, 14, 15, 16},
          new int[] {17, 18});

  private final Engine engine = TestBackend.engine();
  private TensorScope scope;

  /** Direct preference optimisation (Rafailov et al. 2023) of pairs of a chosen and another row. */
  private record Dpo(int chunkTokens) implements Objective {
    @Override
    public int rowsTogether() {
      return 2;
    }

    @Override
    public boolean needsReference() {
      return true;
    }

    @Override
    public List<String> metrics() {
      return List.of("accuracy");
    }

    @Override
    public long count(long rows, long labelTokens) {
      return rows / 2;
    }

    @Override
    public Sums evaluate(RowsAtHead rows) {
      double[] policy = rows.logProbabilities();
      double[] reference = rows.referenceLogProbabilities();
      double[] weights = new double[policy.length];
      double loss = 0;
      double accurate = 0;
      for (int i = 0; i < policy.length; i += 2) {
        double margin = BETA * (policy[i] - reference[i] - (policy[i + 1] - reference[i + 1]));
        loss += Math.log1p(Math.exp(-margin));
        accurate += margin > 0 ? 1 : 0;
        weights[i] = -BETA / (1 + Math.exp(margin));
        weights[i + 1] = -weights[i];
      }
      rows.backward(weights);
      return new Sums(loss, Map.of("accuracy", accurate));
    }
  }

  @BeforeEach
  void open() {
    scope = engine.openScope();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  /** Each token's label is the next one. */
  private static int[] labels(List<int[]> rows) {
    return rows.stream()
        .flatMapToInt(
            row ->
                IntStream.range(0, row.length)
                    .map(i -> i + 1 < row.length ? row[i + 1] : Decoder.IGNORED))
        .toArray();
  }

  private double logProbability(Decoder model, int[] row) {
    try (Engine.NoGradient off = engine.noGradient()) {
      return -model
          .lossAndBackward(
              Pass.evaluation(engine, scope),
              PackedRows.of(row),
              labels(List.of(row)),
              Loss.crossEntropy(64))
          .loss();
    }
  }

  private Map<String, float[]> gradients(Decoder model, Pass pass) {
    Map<Parameter, Tensor> found = pass.gradients();
    Map<String, float[]> all = new LinkedHashMap<>();
    model
        .parameters()
        .forEach(
            (name, p) -> {
              if (found.containsKey(p)) {
                all.put(name, found.get(p).toFloats());
              }
            });
    return all;
  }

  @ParameterizedTest
  @CsvSource({"64, false", "3, false", "3, true"})
  void dpo_givesTheWeightedGradientsOfItsRows(int chunk, boolean checkpoint) {
    Decoder model = TinyModels.lora(engine, "all_r4").setCheckpointLayers(checkpoint);
    Decoder base = TinyModels.family(engine, "llama2");
    double[] margins = new double[2];
    Map<String, float[]> expected = new LinkedHashMap<>();
    for (int i = 0; i < ROWS.size(); i++) {
      int[] row = ROWS.get(i);
      margins[i / 2] +=
          (i % 2 == 0 ? BETA : -BETA) * (logProbability(model, row) - logProbability(base, row));
    }
    for (int i = 0; i < ROWS.size(); i++) {
      double weight = (i % 2 == 0 ? -BETA : BETA) / (1 + Math.exp(margins[i / 2]));
      Pass pass = new Pass(engine, scope, true, 1);
      Objective.Sums unused =
          model.lossAndBackward(
              pass,
              PackedRows.of(ROWS.get(i)),
              labels(List.of(ROWS.get(i))),
              Loss.crossEntropy(64));
      gradients(model, pass)
          .forEach(
              (name, g) -> {
                float[] sum = expected.computeIfAbsent(name, n -> new float[g.length]);
                for (int k = 0; k < g.length; k++) {
                  sum[k] -= (float) (weight * g[k]);
                }
              });
    }
    Pass pass = new Pass(engine, scope, true, 1);
    Objective.Sums sums =
        model.lossAndBackward(pass, PackedRows.of(ROWS), labels(ROWS), new Dpo(chunk));
    double loss = Math.log1p(Math.exp(-margins[0])) + Math.log1p(Math.exp(-margins[1]));
    assertEquals(loss, sums.loss(), 1e-4);
    assertEquals(
        (margins[0] > 0 ? 1 : 0) + (margins[1] > 0 ? 1 : 0), sums.metrics().get("accuracy"));
    Map<String, float[]> found = gradients(model, pass);
    assertEquals(expected.keySet(), found.keySet());
    expected.forEach((name, g) -> assertArrayEquals(g, found.get(name), 1e-4f, name));
  }

  @Test
  void aLoss_isTheObjectiveOfItsSum() {
    Decoder model = TinyModels.lora(engine, "qv_r8");
    Objective.Sums sums =
        model.lossAndBackward(
            new Pass(engine, scope, true, 1),
            PackedRows.of(ROWS),
            labels(ROWS),
            Loss.crossEntropy(64));
    double expected = -ROWS.stream().mapToDouble(row -> logProbability(model, row)).sum();
    assertEquals(expected, sums.loss(), 1e-3);
    assertEquals(Map.of(), sums.metrics());
  }

  @Test
  void withoutRecording_nothingIsTaken() {
    Decoder model = TinyModels.lora(engine, "qv_r8");
    Pass pass = Pass.evaluation(engine, scope);
    try (Engine.NoGradient off = engine.noGradient()) {
      assertTrue(
          model.lossAndBackward(pass, PackedRows.of(ROWS), labels(ROWS), new Dpo(3)).loss() > 0);
    }
    assertTrue(pass.gradients().isEmpty());
  }

  @Test
  void rows_haveTheirLabels_andRefuseWhatWasNotAskedFor() {
    Decoder model = TinyModels.lora(engine, "qv_r8");
    Objective looking =
        new Objective() {
          @Override
          public int chunkTokens() {
            return 4;
          }

          @Override
          public long count(long rows, long labelTokens) {
            return rows;
          }

          @Override
          public Sums evaluate(RowsAtHead rows) {
            assertEquals(4, rows.size());
            assertArrayEquals(new int[] {13, 14, 15, 16}, rows.labels(2));
            assertThrows(IllegalStateException.class, rows::referenceLogProbabilities);
            assertThrows(IllegalArgumentException.class, () -> rows.backward(new double[3]));
            return Sums.ZERO;
          }
        };
    Pass pass = new Pass(engine, scope, true, 1);
    assertEquals(0, model.lossAndBackward(pass, PackedRows.of(ROWS), labels(ROWS), looking).loss());
  }
}

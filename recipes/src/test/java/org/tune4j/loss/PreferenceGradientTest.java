package org.tune4j.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.tune4j.models.Decoder;
import org.tune4j.models.PackedRows;
import org.tune4j.models.RowFacts;
import org.tune4j.models.TestBackend;
import org.tune4j.nn.Loss;
import org.tune4j.nn.MicroBatch;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;

/** Gradients of each loss against finite differences, in fp64. */
class PreferenceGradientTest {
  private static final long SEED = 11;
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
    try (TensorScope scope = ENGINE.openScope()) {
      Decoder model = FiniteDifferences.model(variant);
      Pass pass = new Pass(ENGINE, scope, true, 1);
      double unused = loss(model, pass, objective);
      FiniteDifferences.compare(model, pass.gradients(), p -> loss(model, p, objective), SEED);
    }
  }

  @Test
  void orpo_averagesCrossEntropyOverAllTokensOfChosenRows() {
    try (TensorScope scope = ENGINE.openScope();
        Engine.NoGradient off = ENGINE.noGradient()) {
      Decoder model = FiniteDifferences.model("qv_r8");
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

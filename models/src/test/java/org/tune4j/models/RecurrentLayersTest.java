package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * A convolution and a recurrent state begin with their row, go on in its cache, and end with it.
 */
final class RecurrentLayersTest {
  private static final long SEED = Long.getLong("tune4j.test.seed", 20261130L);

  /** More than a chunk, less than a convolution, exactly two chunks, one more than a chunk. */
  private static final int[] LENGTHS = {75, 2, 128, 65};

  private final Engine engine = TestBackend.engine();
  private TensorScope scope;
  private Pass pass;

  @BeforeEach
  void open() {
    scope = engine.openScope();
    pass = Pass.evaluation(engine, scope);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static int[] row(int stream, int length) {
    return IntStream.range(0, length)
        .map(i -> (int) (RandomBits.uniform(SEED + stream, i) * 320))
        .toArray();
  }

  private static List<int[]> rows() {
    return IntStream.range(0, LENGTHS.length).mapToObj(i -> row(i, LENGTHS[i])).toList();
  }

  private static int[] all(int n) {
    return IntStream.range(0, n).toArray();
  }

  private float[] whole(Decoder model, int... row) {
    try (Engine.NoGradient off = engine.noGradient()) {
      return model.logits(pass, PackedRows.of(row)).toFloats();
    }
  }

  private static void assertClose(float[] expected, float[] actual, double tolerance, String what) {
    float largest = 0;
    for (float v : expected) {
      largest = Math.max(largest, Math.abs(v));
    }
    assertArrayEquals(
        expected, actual, (float) (tolerance * largest) + 1e-12f, what + ", seed " + SEED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"lfm2", "qwen3_5", "granitemoehybrid"})
  void logits_ofPackedRows_areEachRowsOwn(String checkpoint) {
    Decoder model = TinyModels.newer(engine, checkpoint, DType.FP32);
    float[] packed;
    try (Engine.NoGradient off = engine.noGradient()) {
      packed = model.logits(pass, PackedRows.of(rows())).toFloats();
    }
    int from = 0;
    for (int[] row : rows()) {
      float[] alone = whole(model, row);
      assertClose(
          alone, Arrays.copyOfRange(packed, from, from + alone.length), 1e-5, "row at " + from);
      from += alone.length;
    }
  }

  private static int[] labels(PackedRows rows) {
    int[] labels = Arrays.copyOfRange(rows.tokens(), 1, rows.tokens().length + 1);
    for (int end : rows.rowEnds()) {
      labels[end - 1] = Decoder.IGNORED;
    }
    return labels;
  }

  /** Of every parameter, added to what is there. */
  private void addGradients(Decoder model, PackedRows rows, Map<String, float[]> into) {
    Pass training = new Pass(engine, scope, true, 1);
    model.lossAndBackward(training, rows, labels(rows), Loss.crossEntropy(64));
    Map<Parameter, Tensor> found = training.gradients();
    model
        .parameters()
        .forEach(
            (name, p) -> {
              float[] own = found.get(p).toFloats();
              float[] sum = into.computeIfAbsent(name, n -> new float[own.length]);
              for (int i = 0; i < own.length; i++) {
                sum[i] += own[i];
              }
            });
  }

  @ParameterizedTest
  @ValueSource(strings = {"lfm2", "qwen3_5", "granitemoehybrid"})
  void gradients_ofPackedRows_areTheSumOfEachRows(String checkpoint) {
    Decoder model = TinyModels.newer(engine, checkpoint, DType.FP64);
    Map<String, float[]> packed = new LinkedHashMap<>();
    addGradients(model, PackedRows.of(rows()), packed);
    Map<String, float[]> alone = new LinkedHashMap<>();
    rows().forEach(row -> addGradients(model, PackedRows.of(row), alone));
    alone.forEach((name, want) -> assertClose(want, packed.get(name), 1e-6, name));
  }

  /** Chunk by chunk from kept states is what autograd gives of one graph over all chunks. */
  @ParameterizedTest
  @ValueSource(strings = {"lfm2", "qwen3_5", "granitemoehybrid"})
  void gradients_areThoseOfOneGraph(String checkpoint) {
    Decoder model = TinyModels.newer(engine, checkpoint, DType.FP64);
    PackedRows rows = PackedRows.of(rows());
    Map<String, float[]> found = new LinkedHashMap<>();
    addGradients(model, rows, found);
    Pass recorded = new Pass(engine, scope, true, 1);
    int[] labels = labels(rows);
    int[] at = IntStream.range(0, labels.length).filter(i -> labels[i] >= 0).toArray();
    Tensor logits = model.logits(recorded, rows).indexSelect(engine.indices(at));
    int[] targets = Arrays.stream(at).map(i -> labels[i]).toArray();
    engine.operations().crossEntropy(logits, engine.indices(targets)).backward();
    Map<Parameter, Tensor> expected = recorded.gradients();
    model
        .parameters()
        .forEach((name, p) -> assertClose(expected.get(p).toFloats(), found.get(name), 1e-6, name));
  }

  @ParameterizedTest
  @ValueSource(strings = {"lfm2", "qwen3_5", "granitemoehybrid"})
  void everyWayThroughTheLayers_givesTheSameBits(String checkpoint) {
    Decoder model = TinyModels.newer(engine, checkpoint, DType.FP32);
    PackedRows rows = PackedRows.of(rows());
    Map<String, float[]> atOnce = new LinkedHashMap<>();
    addGradients(model, rows, atOnce);
    Map<Parameter, float[]> layerByLayer = new LinkedHashMap<>();
    Pass streaming =
        Pass.streaming(
            engine,
            scope,
            1,
            new Pass.GradientSink() {
              @Override
              public void loss(double sum) {}

              @Override
              public void take(Parameter parameter, Tensor gradient) {
                layerByLayer.put(parameter, gradient.toFloats());
              }
            });
    model.lossAndBackward(streaming, rows, labels(rows), Loss.crossEntropy(64));
    Map<String, float[]> checkpointed = new LinkedHashMap<>();
    model.setCheckpointLayers(true);
    addGradients(model, rows, checkpointed);
    model
        .parameters()
        .forEach(
            (name, p) -> {
              assertArrayEquals(atOnce.get(name), layerByLayer.get(p), name);
              assertArrayEquals(atOnce.get(name), checkpointed.get(name), name);
            });
  }

  @ParameterizedTest
  @ValueSource(strings = {"lfm2", "qwen3_5", "granitemoehybrid"})
  void logits_ofAnySplit_areThoseOfTheWholeRow(String checkpoint) {
    Decoder model = TinyModels.newer(engine, checkpoint, DType.FP32);
    int[] row = row(0, 150);
    float[] expected = whole(model, row);
    int vocab = model.config().vocabSize();
    for (int trial = 0; trial < 3; trial++) {
      try (KvCache cache = new KvCache(scope, engine, model, row.length)) {
        int from = 0;
        while (from < row.length) {
          int most = trial == 0 ? 3 : row.length - from;
          int n =
              Math.min(
                  row.length - from, 1 + (int) (RandomBits.uniform(SEED + trial, from) * most));
          Continuation next = Continuation.of(cache, Arrays.copyOfRange(row, from, from + n));
          assertClose(
              Arrays.copyOfRange(expected, from * vocab, (from + n) * vocab),
              model.logits(pass, next, all(n)).toFloats(),
              1e-5,
              "trial %d, token %d".formatted(trial, from));
          from += n;
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lfm2", "qwen3_5", "granitemoehybrid"})
  void severalRowsAndBranches_goOnFromTheirOwnStates(String checkpoint) {
    Decoder model = TinyModels.newer(engine, checkpoint, DType.FP32);
    int vocab = model.config().vocabSize();
    KvCache a = new KvCache(scope, engine, model, 100);
    KvCache b = new KvCache(scope, engine, model, 100);
    int[] first = row(1, 70);
    int[] second = row(2, 5);
    model.logits(pass, Continuation.of(a, Arrays.copyOf(first, 66)), 0);
    int[][] choices = {row(3, 4), row(4, 1)};
    float[] branches =
        model
            .logits(pass, Continuation.branches(a, PackedRows.of(List.of(choices))), 3, 4)
            .toFloats();
    for (int i = 0; i < 2; i++) {
      int[] choice = choices[i];
      int[] row = Arrays.copyOf(first, 66 + choice.length);
      System.arraycopy(choice, 0, row, 66, choice.length);
      assertClose(
          last(whole(model, row), vocab),
          Arrays.copyOfRange(branches, i * vocab, (i + 1) * vocab),
          1e-5,
          "branch " + i);
    }
    PackedRows next = PackedRows.of(List.of(Arrays.copyOfRange(first, 66, 70), second));
    float[] found = model.logits(pass, Continuation.of(List.of(a, b), next), 3, 8).toFloats();
    assertClose(last(whole(model, first), vocab), Arrays.copyOf(found, vocab), 1e-5, "first");
    assertClose(last(whole(model, second), vocab), last(found, vocab), 1e-5, "second");
  }

  private static float[] last(float[] logits, int vocab) {
    return Arrays.copyOfRange(logits, logits.length - vocab, logits.length);
  }

  @ParameterizedTest
  @ValueSource(strings = {"lfm2", "qwen3_5", "granitemoehybrid"})
  void truncate_keepsAllTokensOrNone_andNothingIsLeftBehind(String checkpoint) {
    Decoder model = TinyModels.newer(engine, checkpoint, DType.FP32);
    assertTrue(model.recurrent());
    float[] expected = last(whole(model, 9, 8, 7, 6), 320);
    int before = scope.size();
    try (KvCache cache = new KvCache(scope, engine, model, 20)) {
      model.logits(pass, Continuation.of(cache, 1, 2, 3, 4), 3).close();
      int held = scope.size();
      assertEquals(4, cache.truncate(4));
      assertEquals(0, cache.truncate(3));
      float[] found = model.logits(pass, Continuation.of(cache, 9, 8, 7, 6), 3).toFloats();
      assertClose(expected, found, 1e-5, "after truncate");
      for (int i = 0; i < 3; i++) {
        model.logits(pass, Continuation.of(cache, 1), 0).close();
      }
      assertEquals(held + 1, scope.size(), "with the logits that were read");
    }
    assertEquals(before + 1, scope.size());
  }

  @ParameterizedTest
  @ValueSource(strings = {"lfm2", "qwen3_5", "granitemoehybrid"})
  void lossAndBackward_inBf16_isCloseToFp32(String checkpoint) {
    assumeTrue(engine.backend().dtypes().contains(DType.BF16), "the backend has no bf16");
    Decoder wide = TinyModels.newer(engine, checkpoint, DType.FP32);
    Decoder narrow = TinyModels.newer(engine, checkpoint, DType.BF16);
    PackedRows rows = PackedRows.of(rows());
    double expected =
        wide.lossAndBackward(
                new Pass(engine, scope, true, 1), rows, labels(rows), Loss.crossEntropy(64))
            .loss();
    Pass training = new Pass(engine, scope, true, 1);
    double found =
        narrow.lossAndBackward(training, rows, labels(rows), Loss.crossEntropy(64)).loss();
    assertEquals(expected, found, 0.01 * expected);
    assertEquals(narrow.parameters().size(), training.gradients().size());
  }
}

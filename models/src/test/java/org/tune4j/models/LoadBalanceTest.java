package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.UsageException;
import org.tune4j.adapters.Adapters;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** The loss of uneven loads against transformers 4.57, and its gradient against differences. */
class LoadBalanceTest {
  private static final double FACTOR = 10;

  /** {@code aux_loss} of each row by itself, with the adapter. */
  private static final Map<String, double[]> TRANSFORMERS =
      Map.of(
          "mixtral", new double[] {2.02862000, 2.04428506, 2.11597896},
          "qwen3_moe", new double[] {2.15760636, 2.20512056, 2.18217754},
          "olmoe", new double[] {2.25373721, 2.08960652, 2.11543465});

  private final Engine engine = TestBackend.engine();
  private TensorScope scope;

  @BeforeEach
  void open() {
    scope = engine.openScope();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private Decoder model(String checkpoint, DType dtype) {
    Decoder model = TinyModels.newer(engine, checkpoint, dtype);
    Path folder = Path.of("../models/src/test/resources/golden/tiny5", checkpoint, "adapter");
    model.adapt(ModelRegistry.installed().open(folder).config());
    Map<String, Tensor> adapter =
        new HashMap<>(
            new GoldenFile("tiny5", checkpoint + "/adapter/adapter_model.safetensors")
                .tensors(engine));
    adapter.replaceAll((name, t) -> t.cast(dtype));
    StateDict.load(model, adapter, false);
    return model;
  }

  private PackedRows rows(String checkpoint) {
    return TinyModels.pack(
        new GoldenFile("tiny5", checkpoint + "/expected.safetensors").tensors(engine));
  }

  private static int[] labels(PackedRows rows) {
    int[] labels = new int[rows.tokens().length];
    Arrays.fill(labels, Decoder.IGNORED);
    int start = 0;
    for (int end : rows.rowEnds()) {
      for (int i = start; i + 1 < end; i++) {
        labels[i] = rows.tokens()[i + 1];
      }
      start = end;
    }
    return labels;
  }

  private double loss(Decoder model, Pass pass, PackedRows rows, int[] labels) {
    return model.lossAndBackward(pass, rows, labels, Loss.crossEntropy(7)).loss();
  }

  private double loss(Decoder model, PackedRows rows, int[] labels) {
    try (Engine.NoGradient off = engine.noGradient()) {
      return loss(model, Pass.evaluation(engine, scope), rows, labels);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mixtral", "qwen3_moe", "olmoe"})
  void loss_ofEachRow_isTransformers(String checkpoint) {
    Decoder model = model(checkpoint, DType.FP32);
    PackedRows rows = rows(checkpoint);
    int[] labels = labels(rows);
    double without = loss(model, rows, labels);
    model.setLoadBalance(FACTOR);
    double expected = without;
    int start = 0;
    for (int row = 0; row < rows.rowEnds().length; row++) {
      int end = rows.rowEnds()[row];
      double aux = TRANSFORMERS.get(checkpoint)[row];
      PackedRows one = PackedRows.of(Arrays.copyOfRange(rows.tokens(), start, end));
      int[] own = Arrays.copyOfRange(labels, start, end);
      model.setLoadBalance(0);
      double plain = loss(model, one, own);
      model.setLoadBalance(FACTOR);
      assertEquals(aux, (loss(model, one, own) - plain) / FACTOR / (end - start - 1), 1e-5);
      expected += FACTOR * aux * (end - start - 1);
      start = end;
    }
    assertEquals(expected, loss(model, rows, labels), 1e-5 * expected);
  }

  /** In fp64, and away from where a token changes its experts. */
  @ParameterizedTest
  @ValueSource(strings = {"mixtral", "qwen3_moe", "olmoe", "gpt_oss"})
  void gradient_isThatOfDifferences(String checkpoint) {
    if (!engine.backend().dtypes().contains(DType.FP64)) {
      return;
    }
    Decoder model = model(checkpoint, DType.FP64);
    PackedRows rows = rows(checkpoint);
    int[] labels = labels(rows);
    List<Map<String, float[]>> found = new ArrayList<>();
    for (boolean checkpointed : new boolean[] {false, true}) {
      model.setCheckpointLayers(checkpointed).setLoadBalance(FACTOR);
      Pass pass = new Pass(engine, scope, true, 1);
      double unused = loss(model, pass, rows, labels);
      Map<String, float[]> gradients = new HashMap<>();
      Map<Parameter, Tensor> all = pass.gradients();
      Adapters.parameters(model).forEach((n, p) -> gradients.put(n, all.get(p).toFloats()));
      found.add(gradients);
    }
    found.get(0).forEach((name, g) -> assertArrayEquals(g, found.get(1).get(name), 1e-6f, name));
    double h = 1e-5;
    int compared = 0;
    for (Map.Entry<String, Parameter> e : Adapters.parameters(model).entrySet()) {
      Tensor values = e.getValue().tensor().reshape(-1);
      float[] gradient = found.get(0).get(e.getKey());
      int at = gradient.length / 2;
      Tensor one = values.narrow(0, at, 1);
      double before = one.toDoubles()[0];
      double[] losses = new double[2];
      for (int side = 0; side < 2; side++) {
        one.copyFrom(one.mul(0).add(before + (side == 0 ? h : -h)));
        losses[side] = loss(model, rows, labels);
      }
      one.copyFrom(one.mul(0).add(before));
      double difference = (losses[0] - losses[1]) / (2 * h);
      assertEquals(difference, gradient[at], 1e-3 * Math.abs(difference) + 1e-4, e.getKey());
      compared++;
    }
    assertTrue(compared > 4);
  }

  @Test
  void model_withoutExperts_isRefused() {
    Decoder model = TinyModels.newer(engine, "qwen3", DType.FP32);
    assertEquals(
        "router_aux_loss_coef is 0.01, and the model has no experts; leave it out",
        assertThrows(UsageException.class, () -> model.setLoadBalance(0.01)).getMessage());
  }
}

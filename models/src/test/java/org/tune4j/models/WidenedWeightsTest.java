package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** bf16 weights computed in fp32 give what their values give as fp32 weights. */
final class WidenedWeightsTest {
  private static final PackedRows ROWS =
      new PackedRows(new int[] {3, 1, 4, 1, 5, 92, 65, 35}, new int[] {5, 8});
  private static final int[] LABELS = {1, 4, 1, 5, Decoder.IGNORED, 65, 35, 35};
  private static final Precision WIDENED = new Precision(DType.BF16, DType.FP32);

  private final Engine engine = TestBackend.engine();
  private TensorScope scope;

  @BeforeEach
  void open() {
    assumeTrue(engine.backend().dtypes().contains(DType.BF16), "the backend has no bf16");
    scope = engine.openScope();
  }

  @AfterEach
  void close() {
    if (scope != null) {
      scope.close();
    }
  }

  /** How a decoder is gone through. */
  enum Way {
    ALL_AT_ONCE,
    CHECKPOINTED,
    LAYER_BY_LAYER
  }

  /** What is computed, by full name. */
  private record Result(double loss, Map<String, float[]> gradients) {}

  /** The llama2 checkpoint with a variant's adapter, its frozen weights rounded to bf16. */
  private Decoder model(String variant, Precision precision) {
    Decoder exact = TinyModels.lora(engine, variant);
    LoraConfig adapter = variant.equals("qv_r8") ? TinyModels.QV_R8 : TinyModels.ALL_R4;
    Decoder model =
        ModelSpec.adapted("llama2", TinyModels.config("llama2"), adapter).build(precision);
    Map<String, Tensor> values = new LinkedHashMap<>();
    exact
        .parameters()
        .forEach(
            (name, p) ->
                values.put(name, p.trainable() ? p.tensor() : p.tensor().cast(DType.BF16)));
    StateDict.load(model, values, true);
    model.parameters().values().stream()
        .filter(Parameter::trainable)
        .forEach(
            p -> {
              if (p.shape().size(1) < p.shape().size(0)) {
                p.tensor().copyFrom(p.tensor().add(0.01)); // lora_B, which begins with zeros
              }
            });
    return model;
  }

  private Result run(Decoder model, Way way) {
    model.setCheckpointLayers(way == Way.CHECKPOINTED);
    Map<Parameter, float[]> taken = new LinkedHashMap<>();
    Pass pass =
        way == Way.LAYER_BY_LAYER
            ? Pass.streaming(
                engine,
                scope,
                1,
                new Pass.GradientSink() {
                  @Override
                  public void loss(double sum) {}

                  @Override
                  public void take(Parameter parameter, Tensor gradient) {
                    taken.put(parameter, gradient.toFloats());
                  }
                })
            : new Pass(engine, scope, true, 1);
    double loss = model.lossAndBackward(pass, ROWS, LABELS, Loss.crossEntropy(3)).loss();
    pass.gradients().forEach((p, g) -> taken.put(p, g.toFloats()));
    Map<String, float[]> gradients = new LinkedHashMap<>();
    model.parameters().forEach((name, p) -> gradients.put(name, taken.get(p)));
    return new Result(loss, gradients);
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void lossAndGradients_areThoseOfTheWidenedValues(Way way) {
    for (String variant : List.of("qv_r8", "all_r4")) {
      Decoder narrow = model(variant, WIDENED);
      Result expected = run(model(variant, Precision.of(DType.FP32)), way);
      Result actual = run(narrow, way);
      assertEquals(expected.loss(), actual.loss(), 1e-5 * expected.loss(), variant);
      narrow
          .parameters()
          .forEach(
              (name, p) -> {
                assertEquals(p.trainable() ? DType.FP32 : DType.BF16, p.dtype(), name);
                float[] want = expected.gradients().get(name);
                float largest = 0;
                for (float v : want == null ? new float[0] : want) {
                  largest = Math.max(largest, Math.abs(v));
                }
                if (p.trainable()) {
                  assertArrayEquals(
                      want, actual.gradients().get(name), 2e-5f * largest, variant + " " + name);
                }
              });
    }
  }

  @Test
  void weights_areNotThoseBeforeRounding() {
    double exact = run(TinyModels.lora(engine, "all_r4"), Way.ALL_AT_ONCE).loss();
    assertNotEquals(exact, run(model("all_r4", WIDENED), Way.ALL_AT_ONCE).loss(), 1e-7);
  }

  @ParameterizedTest
  @ValueSource(strings = {"qv_r8", "all_r4"})
  void lossAndBackward_releasesAllButLeavesAndGradients(String variant) {
    Decoder model = model(variant, WIDENED);
    int before = scope.size();
    Pass pass = new Pass(engine, scope, true, 1);
    double unused = model.lossAndBackward(pass, ROWS, LABELS, Loss.crossEntropy(3)).loss();
    int trained = pass.gradients().size();
    assertEquals(before + 2 * trained, scope.size()); // a leaf and its gradient each
  }

  @Test
  void logits_ofPackedWeights_areTheSame() {
    Decoder model = model("all_r4", WIDENED);
    Pass pass = Pass.evaluation(engine, scope);
    float[] expected = model.logits(pass, ROWS).toFloats();
    PackedWeights packed = PackedWeights.of(engine, model).orElse(null);
    assumeTrue(packed != null, "the backend packs no weights");
    model.setPacked(packed);
    assertArrayEquals(expected, model.logits(pass, ROWS).toFloats(), 1e-5f);
  }
}

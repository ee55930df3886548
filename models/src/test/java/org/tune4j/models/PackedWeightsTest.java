package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** A decoder over packed weights answers as over plain ones; skipped where a backend packs none. */
final class PackedWeightsTest {
  private static final PackedRows ROWS =
      new PackedRows(new int[] {3, 1, 4, 1, 5, 92, 65, 35}, new int[] {5, 8});

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

  private PackedWeights packed(Decoder model) {
    Optional<PackedWeights> packed = PackedWeights.of(engine, model);
    assumeTrue(packed.isPresent(), "the backend packs no weights");
    return packed.get();
  }

  private float[] logits(Decoder model) {
    try (Engine.NoGradient off = engine.noGradient()) {
      return model.logits(pass, ROWS).toFloats();
    }
  }

  private static void fill(Decoder model, String parameter, Engine engine, float value) {
    for (var e : model.parameters().entrySet()) {
      if (e.getKey().contains(parameter)) {
        Parameter p = e.getValue();
        float[] values = new float[(int) p.shape().elements()];
        for (int i = 0; i < values.length; i++) {
          values[i] = value * ((i * 7) % 11 - 5);
        }
        p.tensor().copyFrom(engine.tensor(values, p.dtype(), p.shape()));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2", "llama3", "llama3_2", "mistral"})
  void logits_ofAPlainModel_areTheSame(String family) {
    Decoder model = TinyModels.family(engine, family);
    float[] expected = logits(model);
    model.setPacked(packed(model));
    assertArrayEquals(expected, logits(model), 1e-5f);
  }

  @ParameterizedTest
  @ValueSource(strings = {"qv_r8", "all_r4"})
  void logits_withAnAdapter_areTheSame(String variant) {
    Decoder model = TinyModels.lora(engine, variant);
    float[] base = logits(model);
    fill(model, "lora_B", engine, 0.02f);
    float[] expected = logits(model);
    assertNotEquals(base[0], expected[0]);
    model.setPacked(packed(model));
    assertArrayEquals(expected, logits(model), 1e-5f);
  }

  @Test
  void weights_areCopied() {
    Decoder model = TinyModels.family(engine, "llama3");
    float[] expected = logits(model);
    model.setPacked(packed(model));
    fill(model, "_proj.weight", engine, 0);
    assertArrayEquals(expected, logits(model), 1e-5f);
  }

  @Test
  void gradients_areRefused() {
    Decoder model = TinyModels.lora(engine, "qv_r8");
    model.setPacked(packed(model));
    int[] labels = {1, 4, 1, 5, 92, 35, 35, 35};
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class,
            () -> model.lossAndBackward(pass, ROWS, labels, Loss.crossEntropy(8)).loss());
    assertEquals("prepacked weights record no gradients", e.getMessage());
  }

  @Test
  void tensors_belongToTheCallersScope() {
    Decoder model = TinyModels.family(engine, "llama3");
    try (TensorScope own = engine.openScope()) {
      packed(model);
      assertEquals(1 + 4 * model.config().numLayers(), own.size());
    }
    try (TensorScope own = engine.openScope()) {
      Tensor unused = model.logits(pass, ROWS);
      assertEquals(1, own.size());
    }
  }
}

package org.tune4j.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.tune4j.UsageException;
import org.tune4j.models.TestBackend;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.TensorScope;

class AdamWTest {
  private static final AdamW LORAPLUS = new AdamW(0.1, List.of(0.9, 0.999), 1e-8, 0.5, true, 4);

  private static Parameter ones(Engine engine, Shape shape) {
    Parameter p = new Parameter("weight", shape, DType.FP32, true);
    p.set(engine.zeros(DType.FP32, shape).add(1));
    return p;
  }

  /** A first step of AdamW is the rate in the gradient's direction, after the decay. */
  @Test
  void loraplus_ofAStep_movesOutputFactorsFasterAndLeavesBiasesUndecayed() {
    Engine engine = TestBackend.engine();
    try (TensorScope scope = engine.openScope()) {
      Map<String, Parameter> named = new LinkedHashMap<>();
      named.put("q_proj.lora_A.weight", ones(engine, Shape.of(1, 2)));
      named.put("q_proj.lora_B.weight", ones(engine, Shape.of(2, 1)).markOutputFactor());
      named.put("q_proj.lora_B.bias", ones(engine, Shape.of(2)));
      named.put("q_proj.lora_magnitude_vector", ones(engine, Shape.of(2)));
      Optimizer optimizer = LORAPLUS.create(named);
      try (Engine.NoGradient off = engine.noGradient()) {
        optimizer.step(
            named.values().stream().map(p -> engine.zeros(DType.FP32, p.shape()).add(1)).toList(),
            0.1);
      }
      float[] expected = {1 - 0.05f - 0.1f, 1 - 0.2f - 0.4f, 1 - 0.4f, 1 - 0.2f - 0.4f};
      int i = 0;
      for (Map.Entry<String, Parameter> e : named.entrySet()) {
        float want = expected[i++];
        assertArrayEquals(
            new float[] {want, want}, e.getValue().tensor().toFloats(), 1e-5f, e.getKey());
      }
    }
  }

  @Test
  void loraplus_withoutOutputFactor_isRefused() {
    Engine engine = TestBackend.engine();
    try (TensorScope scope = engine.openScope()) {
      Map<String, Parameter> sharded = Map.of("part_1", ones(engine, Shape.of(2)));
      assertEquals(
          "adamw: loraplus_lr_ratio is 4.0, but no parameter is the output factor of an adapter (lora_B); set it to 1, or strategy=ddp where weights are sharded",
          assertThrows(UsageException.class, () -> LORAPLUS.create(sharded)).getMessage());
    }
    assertEquals(
        "adamw: loraplus_lr_ratio is 0.0, expected above 0, up to 1000",
        assertThrows(
                UsageException.class, () -> new AdamW(0.1, List.of(0.9, 0.999), 1e-8, 0.5, true, 0))
            .getMessage());
  }
}

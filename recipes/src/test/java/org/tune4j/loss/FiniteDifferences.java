package org.tune4j.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.tune4j.models.Decoder;
import org.tune4j.models.GoldenFile;
import org.tune4j.models.TestBackend;
import org.tune4j.models.TinyModels;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** A loss through a tiny model in fp64, whose gradients are compared with its differences. */
final class FiniteDifferences {
  private static final double STEP = 1e-4;
  private static final Engine ENGINE = TestBackend.engine();

  private FiniteDifferences() {}

  /** With the adapters that golden files hold. */
  static Decoder model(String variant) {
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

  /** Compares one element, drawn by the seed, of each trained parameter. */
  static void compare(
      Decoder model, Map<Parameter, Tensor> gradients, ToDoubleFunction<Pass> loss, long seed) {
    Random random = new Random(seed);
    Map<String, Parameter> trained = new LinkedHashMap<>(model.parameters());
    trained.values().removeIf(p -> !p.trainable());
    assertEquals(trained.size(), gradients.size());
    double largest = 0;
    for (Map.Entry<String, Parameter> e : trained.entrySet()) {
      double[] gradient = gradients.get(e.getValue()).toDoubles();
      int at = random.nextInt(gradient.length);
      double difference =
          (lossAt(e.getValue(), at, STEP, loss) - lossAt(e.getValue(), at, -STEP, loss))
              / (2 * STEP);
      largest = Math.max(largest, Math.abs(difference));
      assertEquals(
          difference,
          gradient[at],
          1e-6 * Math.max(1, Math.abs(difference)),
          "%s[%d], seed %d".formatted(e.getKey(), at, seed));
    }
    assertTrue(largest > 1e-4, "nothing to compare: " + largest);
  }

  private static double lossAt(Parameter p, int at, double by, ToDoubleFunction<Pass> loss) {
    try (TensorScope scope = ENGINE.openScope();
        Engine.NoGradient off = ENGINE.noGradient()) {
      double[] values = p.tensor().toDoubles();
      double before = values[at];
      values[at] = before + by;
      p.tensor().copyFrom(ENGINE.tensor(values, DType.FP64, p.shape()));
      double found = loss.applyAsDouble(Pass.evaluation(ENGINE, scope));
      values[at] = before;
      p.tensor().copyFrom(ENGINE.tensor(values, DType.FP64, p.shape()));
      return found;
    }
  }
}

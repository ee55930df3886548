package org.tune4j.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.adapters.Adapters;
import org.tune4j.data.Example;
import org.tune4j.models.Decoder;
import org.tune4j.models.GoldenFile;
import org.tune4j.models.TestBackend;
import org.tune4j.models.TinyModels;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.AdamW;
import org.tune4j.optim.Cosine;
import org.tune4j.optim.Optimizer;
import org.tune4j.optim.Sgd;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Twelve steps of two micro-batches: losses, rates, gradient norms, what is trained at the end. */
class TrainingTraceTest {
  static final String BATCHES = "lora/%s/training_batches.safetensors";
  private static final int STEPS = 12;
  private static final int WARMUP = 3;

  /** The final weights of {@code train_tiny_fully.py} are every seventh value. */
  private static final int STRIDE = 7;

  @ParameterizedTest
  @CsvSource({"qv_r8, 1, false", "qv_r8, 2, false", "all_r4, 2, false", "all_r4, 1, true"})
  void train_goldenBatches_equalTorchtune(String variant, int threads, boolean checkpointLayers) {
    Engine engine = TestBackend.engine();
    try (TensorScope run = engine.openScope()) {
      Decoder model = TinyModels.lora(engine, variant).setCheckpointLayers(checkpointLayers);
      Map<String, Parameter> adapters = Adapters.parameters(model);
      train(
          model,
          adapters,
          new AdamW(1e-2, List.of(0.9, 0.999), 1e-8, 0.01, true),
          1.0,
          threads,
          BATCHES.formatted(variant),
          TinyModels.json("lora/" + variant + "/training.json"),
          1e-5);
      Map<String, Tensor> last =
          new GoldenFile("lora/" + variant + "/final_adapter.safetensors").tensors(engine);
      assertEquals(last.keySet(), adapters.keySet());
      last.forEach(
          (name, t) ->
              assertArrayEquals(t.toFloats(), adapters.get(name).tensor().toFloats(), 1e-5f, name));
    }
  }

  @ParameterizedTest
  @CsvSource({"adamw, 1, false", "adamw, 2, true", "sgd, 2, false", "sgd, 1, true"})
  void trainAllWeights_goldenBatches_equalPyTorch(
      String optimizer, int threads, boolean checkpointLayers) {
    Engine engine = TestBackend.engine();
    Optimizer.Spec spec =
        optimizer.equals("adamw")
            ? new AdamW(1e-3, List.of(0.9, 0.95), 1e-6, 0.1, true)
            : new Sgd(1e-1, 0.9, 0.01, false);
    try (TensorScope run = engine.openScope()) {
      Decoder model = TinyModels.family(engine, "llama2").setCheckpointLayers(checkpointLayers);
      Map<String, Parameter> weights = model.parameters();
      JsonNode golden = TinyModels.json("full/" + optimizer + ".json");
      double maxNorm = golden.get("clip_grad_norm").asDouble(Double.POSITIVE_INFINITY);
      train(model, weights, spec, maxNorm, threads, BATCHES.formatted("qv_r8"), golden, 1e-5);
      Map<String, Tensor> last =
          new GoldenFile("full/" + optimizer + ".safetensors").tensors(engine);
      assertEquals(last.keySet(), weights.keySet());
      last.forEach(
          (name, t) ->
              assertArrayEquals(
                  t.toFloats(), everySeventh(weights.get(name).tensor().toFloats()), 1e-5f, name));
    }
  }

  /** Trains on the golden batches and compares each step with the golden one. */
  static void train(
      Decoder model,
      Map<String, Parameter> trained,
      Optimizer.Spec spec,
      double maxNorm,
      int threads,
      String batchesFile,
      JsonNode golden,
      double tolerance) {
    Engine engine = TestBackend.engine();
    // The model's tensors are the file's: training overwrites them, so each test reads its own.
    Optimizer optimizer = spec.create(trained);
    Cosine schedule = new Cosine(WARMUP, 0.5);
    Map<String, Tensor> batches = new GoldenFile(batchesFile).tensors(engine);
    long[] ids = batches.get("input_ids").toLongs();
    long[] labels = batches.get("labels").toLongs();
    int width = 16;
    try (RowsOverThreads rows = new RowsOverThreads(engine, model, threads, Loss.crossEntropy(7))) {
      for (int step = 0; step < STEPS; step++) {
        JsonNode expected = golden.get("steps").get(step);
        double lr = spec.lr() * schedule.factor(step, STEPS);
        try (TensorScope scope = engine.openScope()) {
          Gradients gradients = new Gradients(engine, List.copyOf(trained.values()));
          double loss = 0;
          long tokens = 0;
          for (int micro = 0; micro < 2; micro++) {
            List<Example> batch = new ArrayList<>();
            for (int r = 0; r < 2; r++) {
              Example row = row(ids, labels, ((step * 2 + micro) * 2 + r) * width, width);
              tokens += Arrays.stream(row.labels()).filter(l -> l != -100).count();
              batch.add(row);
            }
            loss += rows.forwardBackward(batch, 0, gradients).loss();
          }
          Gradients.Mean mean = gradients.mean(tokens, maxNorm);
          optimizer.step(mean.gradients(), lr);
          assertEquals(expected.get("tokens").asLong(), tokens);
          assertEquals(
              expected.get("loss").asDouble(), loss / tokens, tolerance, "loss of step " + step);
          assertEquals(
              expected.get("grad_norm").asDouble(), mean.norm(), tolerance, "norm of step " + step);
          assertEquals(expected.get("lr").asDouble(), lr, 1e-12);
        }
      }
    }
  }

  private static float[] everySeventh(float[] all) {
    float[] some = new float[(all.length + STRIDE - 1) / STRIDE];
    for (int i = 0; i < some.length; i++) {
      some[i] = all[i * STRIDE];
    }
    return some;
  }

  /** A row without its padding, whose id is 0. */
  private static Example row(long[] ids, long[] labels, int at, int width) {
    int n = width;
    while (n > 1 && ids[at + n - 1] == 0) {
      n--;
    }
    int[] tokens = new int[n];
    int[] targets = new int[n];
    for (int i = 0; i < n; i++) {
      tokens[i] = (int) ids[at + i];
      targets[i] = (int) labels[at + i];
    }
    return new Example(tokens, targets, new int[] {n});
  }
}

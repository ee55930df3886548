package org.tune4j.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.TrainingException;
import org.tune4j.adapters.Adapters;
import org.tune4j.collective.Ranks;
import org.tune4j.data.Example;
import org.tune4j.models.Decoder;
import org.tune4j.models.TestBackend;
import org.tune4j.models.TinyModels;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Adafactor;
import org.tune4j.optim.AdamW;
import org.tune4j.optim.AdamW8bit;
import org.tune4j.optim.Optimizer;
import org.tune4j.optim.ScheduleFreeAdamW;
import org.tune4j.optim.Sgd;
import org.tune4j.recipe.RunContext;
import org.tune4j.recipe.RunListener;
import org.tune4j.runs.LoggingOptions;
import org.tune4j.runs.OutputFolder;
import org.tune4j.runs.RunLog;
import org.tune4j.runs.RunState;
import org.tune4j.runs.SavedRun;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** One update, or none. */
class TrainStepTest {
  private static final TrainingOptions OPTIONS =
      new TrainingOptions(1, 1, null, 2, null, 0, false, 0L);
  private static final Example ROW =
      new Example(new int[] {3, 4, 5, 6}, new int[] {4, 5, 6, Example.IGNORED}, new int[] {4});

  private final Engine engine = TestBackend.engine();

  private static Map<String, float[]> values(Map<String, Tensor> tensors) {
    Map<String, float[]> all = new LinkedHashMap<>();
    tensors.forEach((name, t) -> all.put(name, t.toFloats()));
    return all;
  }

  private static Map<String, Tensor> tensors(Map<String, Parameter> parameters) {
    Map<String, Tensor> all = new LinkedHashMap<>();
    parameters.forEach((name, p) -> all.put(name, p.tensor()));
    return all;
  }

  /** The loss turns bad in the second step: neither weights nor moments may move. */
  @Test
  void run_lossNotFinite_leavesWeightsAndMoments() {
    try (TensorScope run = engine.openScope()) {
      Decoder model = TinyModels.lora(engine, "qv_r8");
      Map<String, Parameter> adapters = Adapters.parameters(model);
      Optimizer optimizer =
          new AdamW(1e-2, List.of(0.9, 0.999), 1e-8, 0.01, true)
              .create(List.copyOf(adapters.values()));
      try (RowsOverThreads rows = new RowsOverThreads(engine, model, 1, Loss.crossEntropy(7))) {
        TrainStep step = new TrainStep(engine, adapters, optimizer, rows, OPTIONS, false);
        step.run(0, List.of(0, 0), i -> ROW, 1e-2);
        Parameter norm = model.parameters().get("model.norm.weight");
        norm.tensor().copyFrom(norm.tensor().mul(Double.POSITIVE_INFINITY));
        List<String> names = List.copyOf(adapters.keySet());
        Map<String, float[]> before = values(tensors(adapters));
        before.putAll(values(SavedRun.optimizerTensors(optimizer, names)));
        String message =
            assertThrows(
                    TrainingException.class, () -> step.run(1, List.of(10, 11), i -> ROW, 1e-2))
                .getMessage();
        assertEquals(
            "step 2: the loss of rows 11 is NaN; nothing was updated: lower optimizer.lr, set"
                + " clip_grad_norm=1.0, use dtype=fp32, or look at these rows",
            message);
        Map<String, float[]> after = values(tensors(adapters));
        after.putAll(values(SavedRun.optimizerTensors(optimizer, names)));
        assertEquals(1, optimizer.updates());
        assertEquals(before.keySet(), after.keySet());
        before.forEach((name, v) -> assertArrayEquals(v, after.get(name), name));
      }
    }
  }

  /** Backward meets the first layer last: by then the others have been updated, which is told. */
  @Test
  void run_gradientNotFiniteInBackward_saysWhatWasUpdated() {
    try (TensorScope run = engine.openScope()) {
      Decoder model = TinyModels.lora(engine, "qv_r8").setCheckpointLayers(true);
      Map<String, Parameter> adapters = Adapters.parameters(model);
      String module = "model.layers.0.self_attn.q_proj.";
      Tensor a = adapters.get(module + "lora_A.weight").tensor();
      a.copyFrom(a.mul(0));
      Tensor b = adapters.get(module + "lora_B.weight").tensor();
      b.copyFrom(b.mul(0).add(1e25));
      Optimizer optimizer =
          new AdamW(1e-2, List.of(0.9, 0.999), 1e-8, 0.01, true)
              .create(List.copyOf(adapters.values()));
      try (RowsOverThreads rows = new RowsOverThreads(engine, model, 1, Loss.crossEntropy(7))) {
        TrainStep step = new TrainStep(engine, adapters, optimizer, rows, OPTIONS, true);
        assertEquals(
            "step 1: the gradient of rows 1 is Infinity; later layers are already updated, so only"
                + " an earlier checkpoint is valid: lower optimizer.lr, set"
                + " clip_grad_norm=1.0, use dtype=fp32, or look at these rows",
            assertThrows(TrainingException.class, () -> step.run(0, List.of(0), i -> ROW, 1e-2))
                .getMessage());
      }
    }
  }

  /**
   * An update takes gradients alone, and a layer's input gradient is taken before its weights move:
   * without clipping and accumulation it is the same function, also of a weight that the embedding
   * and the head share.
   */
  @ParameterizedTest
  @CsvSource({
    "llama2, adamw",
    "llama2, sgd",
    "llama3_2, adamw",
    "llama3_2, sgd",
    "llama3_2, adamw_8bit",
    "llama3_2, adafactor",
    "llama3_2, schedule_free_adamw"
  })
  void run_optimizerInBackward_equalsTheOptimizerBehindIt(String family, String optimizer) {
    Random random = new Random(3);
    List<Example> data = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      int[] tokens = random.ints(5 + i, 3, 300).toArray();
      int[] labels = Arrays.copyOf(Arrays.copyOfRange(tokens, 1, tokens.length), tokens.length);
      labels[0] = Example.IGNORED;
      labels[tokens.length - 1] = Example.IGNORED;
      data.add(new Example(tokens, labels, new int[] {tokens.length}));
    }
    Map<String, float[]> behind = train(family, optimizer, data, false);
    Map<String, float[]> during = train(family, optimizer, data, true);
    assertEquals(behind.keySet(), during.keySet());
    behind.forEach((name, v) -> assertArrayEquals(v, during.get(name), 1e-6f, name));
  }

  /** Losses, norms, weights and optimiser's state after three updates of all weights. */
  private Map<String, float[]> train(
      String family, String optimizer, List<Example> data, boolean inBackward) {
    TrainingOptions options = new TrainingOptions(2, 1, null, 1, null, 0, false, 0L);
    List<Double> betas = List.of(0.9, 0.999);
    Optimizer.Spec spec =
        switch (optimizer) {
          case "adamw" -> new AdamW(1e-3, betas, 1e-6, 0.1, true);
          case "adamw_8bit" -> new AdamW8bit(1e-3, betas, 1e-6, 0.1, 512, 1);
          case "adafactor" ->
              new Adafactor(1e-3, List.of(1e-30, 1e-3), 1, -0.8, null, 0, true, false, false);
          case "schedule_free_adamw" -> new ScheduleFreeAdamW(1e-3, betas, 1e-6, 0.1, 0, 0, 2);
          default -> new Sgd(1e-2, 0.9, 0.1, false);
        };
    try (TensorScope run = engine.openScope()) {
      Decoder model = TinyModels.family(engine, family).setCheckpointLayers(true);
      Map<String, Parameter> weights = model.parameters();
      Optimizer update = spec.create(List.copyOf(weights.values()));
      Map<String, float[]> all = new LinkedHashMap<>();
      try (RowsOverThreads rows = new RowsOverThreads(engine, model, 1, Loss.crossEntropy(7))) {
        TrainStep step = new TrainStep(engine, weights, update, rows, options, inBackward);
        for (int i = 0; i < 3; i++) {
          TrainStep.Outcome o =
              step.run(i, List.of(2 * i, 2 * i + 1), data::get, spec.lr()).orElseThrow();
          all.put("step " + i, new float[] {(float) o.loss(), (float) o.gradNorm()});
          assertEquals(List.of(), step.withoutGradient());
        }
      }
      assertEquals(3, update.updates());
      all.putAll(values(tensors(weights)));
      all.putAll(values(SavedRun.optimizerTensors(update, List.copyOf(weights.keySet()))));
      return all;
    }
  }

  @Test
  void run_adapterOutsideTheLoss_isNamed(@TempDir Path out) {
    try (TensorScope run = engine.openScope()) {
      Decoder model = TinyModels.lora(engine, "qv_r8");
      Map<String, Parameter> adapters = new LinkedHashMap<>(Adapters.parameters(model));
      Parameter apart = new Parameter("apart", Shape.of(2), DType.FP32, true);
      apart.set(engine.zeros(DType.FP32, Shape.of(2)));
      adapters.put("layers.9.lora_A.weight", apart);
      Optimizer optimizer =
          new AdamW(1e-2, List.of(0.9, 0.999), 1e-8, 0.01, true)
              .create(List.copyOf(adapters.values()));
      ByteArrayOutputStream text = new ByteArrayOutputStream();
      PrintStream print = new PrintStream(text, true, StandardCharsets.UTF_8);
      RunContext context =
          new RunContext(
              Backends.installed(),
              "",
              Map.of(),
              "",
              print,
              false,
              false,
              () -> false,
              Ranks.alone(Backends.installed()),
              RunListener.NONE);
      try (RowsOverThreads rows = new RowsOverThreads(engine, model, 1, Loss.crossEntropy(7));
          OutputFolder output = OutputFolder.open(out, true, print);
          RunLog log =
              new RunLog(
                  output, context, RunState.START, 1, new LoggingOptions(1, null), DType.FP32)) {
        TrainStep step = new TrainStep(engine, adapters, optimizer, rows, OPTIONS, false);
        Optional<TrainStep.Outcome> outcome = step.run(0, List.of(0), i -> ROW, 1e-2);
        assertEquals(List.of("layers.9.lora_A.weight"), step.withoutGradient());
        log.firstStep(outcome, 320, step.withoutGradient());
      }
      assertEquals(
          "warning: 1 parameters received no gradient: layers.9.lora_A.weight%n".formatted(),
          text.toString(StandardCharsets.UTF_8));
    }
  }
}

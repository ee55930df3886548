package org.tune4j.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.checkpointing.TensorFiles;
import org.tune4j.models.TestBackend;
import org.tune4j.nn.Parameter;
import org.tune4j.runs.SavedRun;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Each optimiser against its Python original; {@code golden/optimizers} has the script. */
class OptimizersTest {
  private static final Path GOLDEN =
      Path.of("src/test/resources/golden/optimizers/optimizers.safetensors");
  private static final double[] SCALES = {1, -0.5, 2, 0.25};
  private static final int UPDATES = 20;
  private static final List<Double> BETAS = List.of(0.9, 0.999);
  private static final List<Double> EPS = List.of(1e-30, 1e-3);

  private final Engine engine = TestBackend.engine();
  private final SafetensorsFile golden = SafetensorsFile.open(GOLDEN);

  private static Optimizer.Spec spec(String variant) {
    return switch (variant) {
      case "adamw" -> new AdamW(1e-2, BETAS, 1e-8, 0.1, true);
      case "sgd" -> new Sgd(1e-2, 0.9, 0.1, false);
      case "nesterov" -> new Sgd(1e-2, 0.9, 0, true);
      case "lion" -> new Lion(1e-2, List.of(0.9, 0.99), 0.1);
      case "adafactor" -> new Adafactor(null, EPS, 1, -0.8, null, 0, true, true, false);
      case "adafactor_warmup" -> new Adafactor(null, EPS, 0.5, -0.8, 0.9, 0, true, true, true);
      case "adafactor_lr" -> new Adafactor(1e-2, EPS, 1, -0.8, null, 0.1, false, false, false);
      case "schedule_free" -> new ScheduleFreeAdamW(1e-2, BETAS, 1e-8, 0.1, 5, 1, 2);
      case "adamw_8bit" -> new AdamW8bit(1e-2, BETAS, 1e-8, 0.1, 4096, 1);
      default -> throw new IllegalArgumentException(variant);
    };
  }

  private Tensor stored(String name) {
    return TensorFiles.read(engine, GOLDEN, golden.entry(name));
  }

  /** The first values of the parameters of a variant. */
  private Map<String, Parameter> parameters(String variant) {
    Map<String, Parameter> all = new LinkedHashMap<>();
    for (String name : List.of("matrix", "vector", "experts", "large")) {
      if (golden.entries().containsKey(variant + "." + name)) {
        Tensor value = stored("value." + name);
        Parameter p = new Parameter(name, value.shape(), DType.FP32, true);
        p.set(value);
        all.put(name, p);
      }
    }
    return all;
  }

  private void update(
      Optimizer.Spec spec, Optimizer optimizer, Iterable<String> names, int from, int to) {
    for (int t = from; t < to; t++) {
      try (TensorScope scope = engine.openScope()) {
        List<Tensor> gradients = new ArrayList<>();
        for (String name : names) {
          gradients.add(stored("gradient." + name).mul(SCALES[t % 4]).add(stored("shift." + name)));
        }
        optimizer.step(gradients, spec.lr(t));
      }
    }
  }

  /** All but a few in a thousand within 5e-6: a number between two codes may have got the other. */
  private static void near(float[] expected, float[] actual, int inThousand, String name) {
    int others = 0;
    for (int i = 0; i < expected.length; i++) {
      float difference = Math.abs(expected[i] - actual[i]);
      assertTrue(difference < 1e-3f, name + " at " + i);
      others += difference > 5e-6f ? 1 : 0;
    }
    assertTrue(1000 * others <= inThousand * expected.length, "%s: %d".formatted(name, others));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "adamw",
        "sgd",
        "nesterov",
        "lion",
        "adafactor",
        "adafactor_warmup",
        "adafactor_lr",
        "schedule_free",
        "adamw_8bit"
      })
  void update_twentyTimes_equalsTheOriginal(String variant) {
    try (TensorScope scope = engine.openScope()) {
      Map<String, Parameter> parameters = parameters(variant);
      Optimizer.Spec spec = spec(variant);
      Optimizer optimizer = spec.create(parameters);
      update(spec, optimizer, parameters.keySet(), 0, UPDATES);
      parameters.forEach(
          (name, p) ->
              near(
                  stored(variant + "." + name).toFloats(),
                  p.tensor().toFloats(),
                  spec instanceof AdamW8bit ? 1 : 0,
                  name));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"adamw", "nesterov", "lion", "adafactor_warmup", "schedule_free", "adamw_8bit"})
  void update_afterAPause_endsInTheSameBits(String variant) {
    try (TensorScope scope = engine.openScope()) {
      Map<String, Parameter> whole = parameters(variant);
      Optimizer.Spec spec = spec(variant);
      update(spec, spec.create(whole), whole.keySet(), 0, UPDATES);
      Map<String, Parameter> first = parameters(variant);
      Optimizer before = spec.create(first);
      update(spec, before, first.keySet(), 0, 7);
      Map<String, Parameter> then = parameters(variant);
      Optimizer after = spec.create(then);
      List<String> names = List.copyOf(first.keySet());
      then.forEach((name, p) -> p.tensor().copyFrom(first.get(name).tensor()));
      Map<String, Tensor> states = SavedRun.optimizerTensors(before, names);
      SavedRun.optimizerTensors(after, names).forEach((name, t) -> t.copyFrom(states.get(name)));
      after.setUpdates(before.updates());
      after.setNumbers(before.numbers());
      update(spec, after, names, 7, UPDATES);
      whole.forEach(
          (name, p) ->
              assertArrayEquals(
                  p.tensor().toFloats(), then.get(name).tensor().toFloats(), 0, name));
    }
  }

  @Test
  void atResult_ofScheduleFree_isTheAverageAndLeavesNoTrace() {
    try (TensorScope scope = engine.openScope()) {
      Map<String, Parameter> parameters = parameters("schedule_free");
      Optimizer.Spec spec = spec("schedule_free");
      Optimizer optimizer = spec.create(parameters);
      update(spec, optimizer, parameters.keySet(), 0, UPDATES);
      float[] trained = parameters.get("matrix").tensor().toFloats();
      float[] kept =
          optimizer.atResult(
              () -> {
                parameters.forEach(
                    (name, p) ->
                        assertArrayEquals(
                            stored("schedule_free." + name + ".average").toFloats(),
                            p.tensor().toFloats(),
                            2e-6f,
                            name));
                return optimizer.state(0).get("y").toFloats();
              });
      assertArrayEquals(trained, kept);
      assertArrayEquals(trained, parameters.get("matrix").tensor().toFloats());
    }
  }

  /** Every code of both maps, and numbers between them. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void encode_anyNumber_givesTheNearestValueOfTheMap(boolean signed) {
    try (TensorScope scope = engine.openScope()) {
      float[] map = stored(signed ? "map.signed" : "map.unsigned").toFloats();
      Random random = new Random(7);
      float[] numbers = new float[700];
      for (int i = 0; i < numbers.length; i++) {
        double size = Math.pow(10, -8 * random.nextDouble());
        numbers[i] = (float) (signed && random.nextBoolean() ? -size : size);
      }
      numbers[3] = 1;
      numbers[300] = 1;
      numbers[600] = 1;
      Tensor codes = engine.zeros(DType.UINT8, Shape.of(7, 100));
      Tensor largest = engine.zeros(DType.FP32, Shape.of(3));
      BlockwiseCodes coder = BlockwiseCodes.dynamic(signed);
      coder.encode(engine.tensor(numbers, DType.FP32, Shape.of(7, 100)), codes, largest);
      float[] decoded = coder.decode(codes, largest).toFloats();
      for (int i = 0; i < numbers.length; i++) {
        float nearest = Float.MAX_VALUE;
        for (float value : map) {
          if (Math.abs(value - numbers[i]) < Math.abs(nearest - numbers[i])) {
            nearest = value;
          }
        }
        assertEquals(nearest, decoded[i], 2e-7f * Math.abs(nearest), "number " + numbers[i]);
      }
      assertArrayEquals(new float[] {1, 1, 1}, largest.toFloats());
    }
  }

  @Test
  void kept_ofAdamW8bit_isAQuarterFromItsSizeOn() {
    Parameter small = new Parameter("small", Shape.of(4095), DType.FP32, true);
    Parameter large = new Parameter("large", Shape.of(4100), DType.FP32, true);
    assertEquals(4095 * 8, spec("adamw_8bit").bytes(small));
    assertEquals(4100 * 2 + 17 * 8, spec("adamw_8bit").bytes(large));
    assertEquals(4100 * 8, spec("adamw").bytes(large));
    assertEquals(4100 * 5 * 4, spec("schedule_free").savedBytes(large));
    assertNotEquals(spec("adafactor").bytes(large), spec("adafactor_warmup").bytes(large));
  }

  @Test
  void new_settingsThatContradict_areRefused() {
    assertEquals(
        "adafactor: lr is 0.1 and relative_step is true; give lr with relative_step=false, or neither",
        assertThrows(
                UsageException.class,
                () -> new Adafactor(0.1, EPS, 1, -0.8, null, 0, true, true, false))
            .getMessage());
    assertEquals(
        "sgd: nesterov takes a momentum above 0",
        assertThrows(UsageException.class, () -> new Sgd(0.1, 0, 0, true)).getMessage());
  }
}

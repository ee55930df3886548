package org.tune4j.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tune4j.UsageException;
import org.tune4j.models.Decoder;
import org.tune4j.models.GoldenFile;
import org.tune4j.models.PackedRows;
import org.tune4j.models.TestBackend;
import org.tune4j.models.TinyModels;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Distances from a teacher against torchtune's values, their formulas and finite differences. */
class DistillationTest {
  private static final long SEED = 5;
  private static final double STEP = 1e-4;
  private static final Engine ENGINE = TestBackend.engine();
  private static final List<int[]> ROWS =
      List.of(new int[] {5, 6, 7, 8, 9}, new int[] {10, 11, 12});

  @Test
  void forwardKl_ofGoldenLogits_isTorchtunes() {
    try (TensorScope scope = ENGINE.openScope()) {
      Map<String, Tensor> golden = new GoldenFile("losses.safetensors").tensors(ENGINE);
      long[] labels = golden.get("kd_labels").toLongs();
      int[] trained = IntStream.range(0, labels.length).filter(i -> labels[i] >= 0).toArray();
      Tensor at = ENGINE.indices(trained);
      double sum =
          new ForwardKlLoss(8)
              .sum(
                  golden.get("kd_student_logits").indexSelect(at),
                  golden.get("kd_teacher_logits").indexSelect(at))
              .item();
      assertEquals(golden.get("kd_forward_kl").item(), sum / trained.length, 1e-6);
    }
  }

  private static double[] softmax(double[] logits) {
    double sum = Arrays.stream(logits).map(Math::exp).sum();
    return Arrays.stream(logits).map(x -> Math.exp(x) / sum).toArray();
  }

  private static double kl(double[] p, double[] q) {
    return IntStream.range(0, p.length).mapToDouble(i -> p[i] * Math.log(p[i] / q[i])).sum();
  }

  private static double[] mix(double[] p, double[] q, double share) {
    double[] m = new double[p.length];
    Arrays.setAll(m, i -> share * p[i] + (1 - share) * q[i]);
    return m;
  }

  @Test
  void others_areTheirFormulas() {
    double[] student = {0.3, -1, 2};
    double[] teacher = {1, 0.5, -2};
    double[] s = softmax(student);
    double[] t = softmax(teacher);
    double entropy = -IntStream.range(0, 3).mapToDouble(i -> t[i] * Math.log(t[i])).sum();
    try (TensorScope scope = ENGINE.openScope()) {
      Tensor a = ENGINE.tensor(student, DType.FP32, Shape.of(1, 3));
      Tensor b = ENGINE.tensor(teacher, DType.FP32, Shape.of(1, 3));
      assertEquals(kl(s, t), new ReverseKlLoss(8).sum(a, b).item(), 1e-5);
      assertEquals(
          0.3 * (kl(t, s) + entropy) + 0.7 * kl(s, t),
          new SymmetricKlLoss(0.3, 8).sum(a, b).item(),
          1e-5);
      double[] m = mix(t, s, 0.4);
      assertEquals(
          0.4 * kl(t, m) + 0.6 * kl(s, m), new JensenShannonLoss(0.4).sum(a, b).item(), 1e-5);
    }
    assertEquals(
        "beta is 1.0, expected above 0 and below 1",
        assertThrows(UsageException.class, () -> new JensenShannonLoss(1)).getMessage());
    assertEquals(
        "sym_kd_ratio is 1.5, expected 0 to 1",
        assertThrows(UsageException.class, () -> new SymmetricKlLoss(1.5, 8)).getMessage());
  }

  static Stream<DistillationLoss> losses() {
    return Stream.of(
        new ForwardKlLoss(8),
        new ReverseKlLoss(8),
        new SymmetricKlLoss(0.3, 8),
        new JensenShannonLoss(0.4));
  }

  private static Decoder model(String variant) {
    Decoder model = TinyModels.adapted("llama2", TinyModels.QV_R8, DType.FP64);
    Map<String, Tensor> all = new GoldenFile("families/llama2/model.safetensors").tensors(ENGINE);
    all.putAll(
        new GoldenFile("lora/" + variant + "/initial/adapter_model.safetensors").tensors(ENGINE));
    all.replaceAll((name, t) -> t.cast(DType.FP64));
    StateDict.load(model, all, true);
    return model;
  }

  /** Another model of the same vocabulary: the golden one with weights of its own. */
  private static Decoder teacher() {
    Decoder model = TinyModels.config("llama2").build(DType.FP64);
    Random random = new Random(SEED);
    model
        .parameters()
        .forEach(
            (name, p) -> {
              int n = Math.toIntExact(p.shape().elements());
              double[] values = random.doubles(n, -0.3, 0.3).toArray();
              p.set(ENGINE.tensor(values, DType.FP64, p.shape()));
              p.setTrainable(false);
            });
    return model;
  }

  private static double loss(Decoder model, Pass pass, Objective objective) {
    int[] labels =
        ROWS.stream()
            .flatMapToInt(
                r ->
                    IntStream.range(0, r.length)
                        .map(i -> i + 1 < r.length ? r[i + 1] : Decoder.IGNORED))
            .toArray();
    return model.lossAndBackward(pass, PackedRows.of(ROWS), labels, objective).loss();
  }

  @ParameterizedTest
  @MethodSource("losses")
  void gradient_isTheFiniteDifference(DistillationLoss kd) {
    Objective objective = new Distillation(Loss.crossEntropy(3), kd, 0.6);
    Random random = new Random(SEED);
    try (TensorScope scope = ENGINE.openScope()) {
      Decoder model = model("qv_r8");
      model.setReference(teacher());
      Pass pass = new Pass(ENGINE, scope, true, 1);
      double unused = loss(model, pass, objective);
      for (Map.Entry<Parameter, Tensor> e : pass.gradients().entrySet()) {
        Parameter p = e.getKey();
        double[] values = p.tensor().toDoubles();
        int at = random.nextInt(values.length);
        double difference = 0;
        for (double by : new double[] {STEP, -STEP}) {
          double[] shifted = values.clone();
          shifted[at] += by;
          p.tensor().copyFrom(ENGINE.tensor(shifted, DType.FP64, p.shape()));
          try (Engine.NoGradient off = ENGINE.noGradient()) {
            difference += loss(model, Pass.evaluation(ENGINE, scope), objective) / (2 * by);
          }
        }
        p.tensor().copyFrom(ENGINE.tensor(values, DType.FP64, p.shape()));
        assertEquals(difference, e.getValue().toDoubles()[at], 1e-6, "seed " + SEED);
      }
    }
  }
}

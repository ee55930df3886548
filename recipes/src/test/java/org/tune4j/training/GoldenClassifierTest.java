package org.tune4j.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.adapters.lora.LoraTargets;
import org.tune4j.checkpoint.Labels;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Dataset;
import org.tune4j.data.Example;
import org.tune4j.inference.Classifier;
import org.tune4j.inference.InferenceModel;
import org.tune4j.loss.BradleyTerryLoss;
import org.tune4j.loss.ClassCrossEntropy;
import org.tune4j.models.Decoder;
import org.tune4j.models.GoldenFile;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.PackedRows;
import org.tune4j.models.RowFacts;
import org.tune4j.models.TestBackend;
import org.tune4j.models.auto.AutoModel;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Classifiers as transformers and PEFT save them, of the test resources' {@code
 * golden/classifiers}, against what these compute.
 */
class GoldenClassifierTest {
  private static final Path ROOT = Path.of("src/test/resources/golden/classifiers");

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

  private Map<String, Tensor> expected(String name) {
    return new GoldenFile("classifiers", name + "/expected.safetensors").tensors(engine);
  }

  private static List<int[]> rows(Map<String, Tensor> expected) {
    long[] ids = expected.get("input_ids").toLongs();
    long[] lengths = expected.get("lengths").toLongs();
    int longest = ids.length / lengths.length;
    List<int[]> rows = new ArrayList<>();
    for (int i = 0; i < lengths.length; i++) {
      rows.add(
          Arrays.stream(ids, i * longest, i * longest + (int) lengths[i])
              .mapToInt(Math::toIntExact)
              .toArray());
    }
    return rows;
  }

  private InferenceModel model(String name) {
    return InferenceModel.open(
        ModelRegistry.installed(),
        ROOT.resolve(name),
        List.of(ROOT.resolve(name).resolve("adapter")),
        Path.of("../docs/tiny"),
        engine,
        DType.FP32);
  }

  private static Objective objective(String name) {
    return name.equals("classes") ? new ClassCrossEntropy(0) : new BradleyTerryLoss(0.01);
  }

  private static double[] ratings(String name) {
    return name.equals("classes") ? new double[] {2, 0, 1, 2} : new double[] {1.5, 0, 1, 0};
  }

  @ParameterizedTest
  @ValueSource(strings = {"classes", "reward"})
  void scores_areTransformers_andWithAnAdapterPefts(String name) {
    Map<String, Tensor> expected = expected(name);
    try (InferenceModel model = model(name)) {
      for (boolean adapted : new boolean[] {false, true}) {
        Path adapter = adapted ? ROOT.resolve(name).resolve("adapter") : null;
        Classifier classifier = new Classifier(engine, model.with(adapter));
        float[] want = expected.get(adapted ? "lora_scores" : "scores").toFloats();
        int labels = classifier.labels().size();
        List<int[]> rows = rows(expected);
        for (int i = 0; i < rows.size(); i++) {
          double[] found = classifier.scores(rows.get(i));
          for (int k = 0; k < labels; k++) {
            assertEquals(want[i * labels + k], found[k], 2e-5, "row " + i);
          }
        }
      }
    }
  }

  @Test
  void labels_areThoseOfTheConfig() {
    try (InferenceModel model = model("classes")) {
      assertEquals(
          List.of("negative", "neutral", "positive"),
          new Classifier(engine, model.base()).labels());
    }
    try (InferenceModel model = model("reward")) {
      assertEquals(List.of("LABEL_0"), new Classifier(engine, model.base()).labels());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"classes", "reward"})
  void lossAndGradients_areTransformersAndPefts(String name) {
    Map<String, Tensor> expected = expected(name);
    Decoder decoder = trained(name);
    Objective objective = objective(name);
    Dataset rows = scored(decoder.config().labels().orElseThrow(), rows(expected), name);
    List<Example> examples = IntStream.range(0, rows.size()).mapToObj(rows::get).toList();
    long count = objective.count(examples.size(), examples.size());
    for (boolean checkpointed : new boolean[] {false, true}) {
      decoder.setCheckpointLayers(checkpointed);
      Pass pass = new Pass(engine, scope, true, 1);
      double sum =
          decoder.lossAndBackward(pass, packed(examples), labels(examples), objective).loss();
      assertEquals(expected.get("loss").item(), sum / count, 1e-5);
      assertGradients(expected, decoder, pass, count);
    }
  }

  /** As a run goes on with it. */
  private Decoder trained(String name) {
    LoraTargets none = new LoraTargets(null, false, false, null, null, null);
    ModelSpec asSaved =
        AutoModel.lora(ModelRegistry.installed(), new LoraArguments(none, 8, 16, 0));
    Path folder = ROOT.resolve(name);
    return new HuggingFaceCheckpointer(folder, folder.resolve("adapter"), folder)
        .load(asSaved, ProcessGroup.alone(engine), Precision.of(DType.FP32), true, 0);
  }

  private static Dataset scored(Labels labels, List<int[]> rows, String name) {
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      int[] tokens = rows.get(i);
      examples.add(Example.rated(tokens, new int[tokens.length], ratings(name)[i]));
    }
    return new TrainingData(Dataset.of(examples), Dataset.of(List.of()))
        .scored(labels, objective(name))
        .train();
  }

  private static PackedRows packed(List<Example> rows) {
    PackedRows plain = PackedRows.of(rows.stream().map(Example::tokens).toList());
    double[] ratings = rows.stream().mapToDouble(r -> r.facts().ratings()[0]).toArray();
    return new PackedRows(plain.tokens(), plain.rowEnds(), new RowFacts(ratings, new double[0]));
  }

  private static int[] labels(List<Example> rows) {
    return rows.stream().flatMapToInt(r -> Arrays.stream(r.labels())).toArray();
  }

  private static void assertGradients(
      Map<String, Tensor> expected, Decoder decoder, Pass pass, long count) {
    Map<Parameter, Tensor> found = pass.gradients();
    Map<String, String> saved = Adapters.savedNames(decoder);
    Map<String, Tensor> wanted = new HashMap<>(expected);
    wanted.keySet().removeIf(n -> !n.startsWith("gradient."));
    assertEquals(wanted.size(), saved.size());
    Adapters.parameters(decoder)
        .forEach(
            (name, p) -> {
              float[] want =
                  wanted
                      .get("gradient." + saved.get(name).replace(PeftAdapter.PREFIX, ""))
                      .toFloats();
              float largest = 0;
              for (float v : want) {
                largest = Math.max(largest, Math.abs(v));
              }
              float[] got = found.get(p).div((double) count).toFloats();
              assertArrayEquals(want, got, 1e-4f * largest + 1e-9f, name);
            });
  }
}

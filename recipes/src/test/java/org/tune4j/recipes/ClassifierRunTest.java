package org.tune4j.recipes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.data.Example;
import org.tune4j.inference.Classifier;
import org.tune4j.inference.InferenceModel;
import org.tune4j.loss.BradleyTerryLoss;
import org.tune4j.loss.ClassCrossEntropy;
import org.tune4j.loss.DpoLoss;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.TestBackend;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.TensorScope;

/** Runs that train reward models and classifiers, and what they write. */
class ClassifierRunTest {
  private static final List<String> CLASSES = List.of("negative", "neutral", "positive");
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path dir;

  private static TinyRun rewards() {
    TinyRun run = new TinyRun();
    run.rewards = true;
    run.loss = new BradleyTerryLoss(0.01);
    run.rows = TinyRun.pairs(3, 3);
    run.validation = TinyRun.pairs(4, 2);
    run.batchSize = 2;
    run.accumulation = 1;
    return run;
  }

  private static TinyRun classes() {
    TinyRun run = new TinyRun();
    run.classes = CLASSES;
    run.loss = new ClassCrossEntropy(0);
    run.rows = TinyRun.texts(3, 6, 3);
    run.validation = TinyRun.texts(4, 3, 3);
    run.batchSize = 2;
    run.accumulation = 2;
    return run;
  }

  private static TinyRun run(String task) {
    return task.equals("reward") ? rewards() : classes();
  }

  @ParameterizedTest
  @CsvSource({"reward, rewards/accuracies", "classification, accuracy"})
  void rows_areLearnt_andMetricsTellOfIt(String task, String accuracy) throws IOException {
    TinyRun run = run(task);
    run.epochs = 8;
    run.run(dir);
    assertTrue(run.printed.contains("data: 6 rows; 53 tokens, 6 of them"), run.printed);
    List<JsonNode> steps = TinyRun.metrics(dir);
    JsonNode last = steps.get(steps.size() - 1);
    double before = steps.get(0).get("loss").asDouble();
    assertTrue(last.get("loss").asDouble() < 0.3 * before, () -> before + " -> " + last);
    assertEquals(1, last.get(accuracy).asDouble(), last.toString());
    assertTrue(last.has("val_" + accuracy), last.toString());
  }

  @ParameterizedTest
  @CsvSource({"reward, false", "reward, true", "classification, false", "classification, true"})
  void stoppedAndResumed_givesTheSameBits(String task, boolean full) throws IOException {
    TinyRun.assertResumesToTheSameBits(
        () -> {
          TinyRun run = run(task);
          run.full = full;
          run.lr = full ? 1e-3 : 1e-2;
          run.dropout = full ? 0 : 0.1;
          return run;
        },
        dir);
  }

  @ParameterizedTest
  @ValueSource(strings = {"reward", "classification"})
  void dryRun_plansAndWritesNothing(String task) {
    TinyRun run = run(task);
    run.dryRun = true;
    run.run(dir.resolve("out"));
    assertTrue(run.printed.contains("nothing was written"), run.printed);
    assertFalse(Files.exists(dir.resolve("out/epoch_0")), run.printed);
  }

  @Test
  void adapterOfTokens_isNoStart() {
    TinyRun run = classes();
    run.adapter = Path.of("../models/src/test/resources/golden/tiny/lora/qv_r8/initial");
    assertRefused(
        "the adapter %s has no head of labels; merge it with tune merge, and train the merged model"
            .formatted(run.adapter),
        run,
        dir);
  }

  private static List<double[]> scores(Path model, Path adapter, List<Example> rows) {
    try (TensorScope scope = TestBackend.engine().openScope();
        InferenceModel opened =
            InferenceModel.open(
                ModelRegistry.installed(),
                model,
                adapter == null ? List.of() : List.of(adapter),
                Path.of("../docs/tiny"),
                TestBackend.engine(),
                DType.FP32)) {
      Classifier classifier = new Classifier(TestBackend.engine(), opened.with(adapter));
      List<double[]> all = new ArrayList<>();
      rows.forEach(r -> all.add(classifier.scores(r.tokens())));
      return all;
    }
  }

  private static JsonNode json(Path folder, String file) throws IOException {
    return JSON.readTree(folder.resolve(file).toFile());
  }

  @ParameterizedTest
  @ValueSource(strings = {"reward", "classification"})
  void adapterAndMergedModel_areClassifiers_andScoreAlike(String task) throws IOException {
    TinyRun run = run(task);
    run.run(dir);
    Path epoch = dir.resolve("epoch_1");
    List<double[]> adapted = scores(TinyRun.MODEL, epoch, run.rows);
    List<double[]> merged = scores(epoch, null, run.rows);
    for (int i = 0; i < adapted.size(); i++) {
      assertArrayEquals(adapted.get(i), merged.get(i), 1e-5);
      assertEquals(task.equals("reward") ? 1 : 3, merged.get(i).length);
    }
    JsonNode adapter = json(epoch, "adapter_config.json");
    assertEquals("SEQ_CLS", adapter.path("task_type").asText());
    assertEquals("[\"score\"]", adapter.path("modules_to_save").toString());
    JsonNode config = json(epoch, "config.json");
    assertEquals("[\"LlamaForSequenceClassification\"]", config.path("architectures").toString());
    if (task.equals("classification")) {
      assertEquals(
          "{\"0\":\"negative\",\"1\":\"neutral\",\"2\":\"positive\"}",
          config.path("id2label").toString());
      assertEquals(
          "{\"negative\":0,\"neutral\":1,\"positive\":2}", config.path("label2id").toString());
      assertEquals("single_label_classification", config.path("problem_type").asText());
    }
  }

  @Test
  void classifier_isTrainedOn_fromItsOwnHead() throws IOException {
    TinyRun run = classes();
    run.full = true;
    run.lr = 1e-3;
    run.run(dir.resolve("first"));
    Path model = dir.resolve("first/epoch_1");
    TinyRun again = classes();
    again.model = model;
    again.full = true;
    again.lr = 1e-9;
    again.run(dir.resolve("second"));
    List<double[]> first = scores(model, null, run.rows);
    List<double[]> second = scores(dir.resolve("second/epoch_1"), null, run.rows);
    for (int i = 0; i < first.size(); i++) {
      assertArrayEquals(first.get(i), second.get(i), 1e-4);
    }
    TinyRun others = classes();
    others.classes = List.of("a", "b");
    others.rows = TinyRun.texts(3, 4, 2);
    others.validation = null;
    others.model = model;
    String message =
        assertThrows(InputException.class, () -> others.run(dir.resolve("third"))).getMessage();
    assertTrue(
        message.startsWith(model.resolve("config.json") + ": id2label is ")
            && message.endsWith("expected 2 labels, as are asked for: a, b"),
        message);
    TinyRun text = new TinyRun();
    text.model = model;
    assertEquals(
        model
            + " holds a classifier, and loss takes logits of tokens; train it with lora_reward_single_device or lora_classification_single_device, or name the model that it was made from",
        assertThrows(UsageException.class, () -> text.run(dir.resolve("fourth"))).getMessage());
  }

  private static void assertRefused(String message, TinyRun run, Path dir) {
    assertEquals(message, assertThrows(TuneException.class, () -> run.run(dir)).getMessage());
  }

  @Test
  void lossesAndRowsOfOtherTasks_areRefused() throws IOException {
    TinyRun pairs = rewards();
    pairs.loss = new DpoLoss(0.1, 0, false, 5);
    assertRefused("loss is none of reward models; expected bradley_terry_loss", pairs, dir);
    TinyRun texts = classes();
    texts.loss = new BradleyTerryLoss(0);
    assertRefused("loss is none of classes; expected class_cross_entropy", texts, dir);
    TinyRun plain = new TinyRun();
    plain.loss = new BradleyTerryLoss(0);
    assertRefused(
        "loss takes scores, for which the model needs a head of labels; use a recipe such as lora_reward_single_device or lora_classification_single_device",
        plain,
        dir);
    TinyRun unpaired = rewards();
    unpaired.rows = TinyRun.rows(3, 4);
    assertRefused(
        "dataset: its rows are no pairs of a chosen and a rejected answer, which the loss compares; use preference_dataset",
        unpaired,
        dir);
    TinyRun unlabelled = classes();
    unlabelled.rows = TinyRun.rows(3, 4);
    assertRefused(
        "dataset: its rows have no labels, which the loss learns; use classification_dataset",
        unlabelled,
        dir);
    Path model = Files.createDirectories(dir.resolve("model"));
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(TinyRun.MODEL.resolve(file), model.resolve(file));
    }
    ObjectNode config = (ObjectNode) json(model, "config.json");
    config.putArray("architectures").add("LlamaForTokenClassification");
    JSON.writeValue(model.resolve("config.json").toFile(), config);
    TinyRun other = classes();
    other.model = model;
    assertRefused(
        model.resolve("config.json")
            + ": architectures is [\"LlamaForTokenClassification\"], expected a model of text, such as [\"LlamaForCausalLM\"]",
        other,
        dir);
  }
}

package org.tune4j.cli.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.wiring.Wiring;

/** The commands over classifiers and reward models. */
class ClassifierTest {
  private static final String BACKEND = System.getProperty("tune4j.test.backend", "javacpp");
  private static final String GOLDEN = "../recipes/src/test/resources/golden/classifiers/classes";
  private static final String REFUSED =
      "tune: the model is a classifier, which gives scores of negative, neutral, positive and no text; use tune eval with --tasks classification or reward, or POST /classify of tune serve";

  @TempDir Path dir;
  private String out = "";
  private String err = "";

  private int tune(String... args) {
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(o, true, StandardCharsets.UTF_8);
    PrintStream errors = new PrintStream(e, true, StandardCharsets.UTF_8);
    int code = Tune.execute(Wiring.installed(to), args, to, errors);
    out = o.toString(StandardCharsets.UTF_8).strip();
    err = e.toString(StandardCharsets.UTF_8).strip();
    return code;
  }

  private void train(String recipe, String rows, String... overrides) throws IOException {
    TinyRun run = TinyRun.in(dir);
    Files.writeString(run.rows(), rows);
    List<String> args = new ArrayList<>(List.of(run.command("backend=" + BACKEND)));
    args.set(1, recipe);
    args.addAll(List.of(overrides));
    assertEquals(0, tune(args.toArray(String[]::new)), err);
  }

  private void eval(String task, String expected, String... model) {
    List<String> args = new ArrayList<>(List.of("eval", "--backend", BACKEND, "--dtype", "fp32"));
    args.addAll(List.of("--tasks", task, "--data", dir.resolve("rows.jsonl").toString()));
    args.addAll(List.of(model));
    assertEquals(0, tune(args.toArray(String[]::new)), err);
    assertTrue(out.replaceAll(" +", " ").contains(task + " " + expected), out);
  }

  @Test
  void classifier_isTrained_evaluated_andMerged() throws IOException {
    train(
        "lora_classification_single_device",
        """
        {"text": "one two", "label": "good"}
        {"text": "two three", "label": "bad"}
        {"text": "three", "label": 0}
        """,
        "dataset={_component_: classification_dataset, labels: [bad, good], data_files: '%s'}"
            .formatted(dir.resolve("rows.jsonl")),
        "loss={_component_: class_cross_entropy}",
        "save_adapter_weights_only=true");
    String model = dir.resolve("model").toString();
    String adapter = dir.resolve("out/epoch_19").toString();
    eval("classification", "acc 1.0000 +- 0.0000", "--model", model, "--adapter", adapter);
    String merged = dir.resolve("merged").toString();
    String[] merge = {
      "merge", "--model", model, "--adapter", adapter, "-o", merged, "--backend", BACKEND
    };
    assertEquals(0, tune(merge), err);
    eval("classification", "acc 1.0000 +- 0.0000", "--model", merged);
    JsonNode config = new ObjectMapper().readTree(Path.of(merged, "config.json").toFile());
    assertEquals("{\"0\":\"bad\",\"1\":\"good\"}", config.path("id2label").toString());
    String[] withBase = {
      "eval",
      "--model",
      model,
      "--adapter",
      adapter,
      "--with-base",
      "--tasks",
      "classification",
      "--data",
      dir.resolve("rows.jsonl").toString(),
      "--backend",
      BACKEND
    };
    assertEquals(2, tune(withBase), out);
    assertTrue(
        err.endsWith(
            "the model in %s is a classifier only with its adapters, which bring the head; leave out --with-base"
                .formatted(model)),
        err);
  }

  @Test
  void rewardModel_isTrained_plannedAndEvaluated() throws IOException {
    String[] overrides = {
      "dataset={_component_: preference_dataset, data_files: '%s'}"
          .formatted(dir.resolve("rows.jsonl")),
      "loss={_component_: bradley_terry_loss}",
      "eval_tasks=[reward]",
      "eval_data=" + dir.resolve("rows.jsonl"),
      "run_eval_every_n_steps=20"
    };
    train(
        "lora_reward_single_device",
        """
        {"prompt": "a", "chosen": "one two", "rejected": "two", "margin": 0.5}
        {"prompt": "b", "chosen": "two three", "rejected": "one"}
        """,
        overrides);
    List<String> steps = Files.readAllLines(dir.resolve("out/logs/metrics.jsonl"));
    assertEquals(
        1,
        new ObjectMapper().readTree(steps.get(19)).path("eval_reward_acc").asDouble(),
        steps.get(19));
    eval("reward", "acc 1.0000 +- 0.0000", "--model", dir.resolve("out/epoch_19").toString());
    List<String> plan = new ArrayList<>(List.of(TinyRun.in(dir).command("backend=" + BACKEND)));
    plan.set(0, "plan");
    plan.set(1, "--recipe=lora_reward_single_device");
    plan.addAll(List.of(overrides));
    assertEquals(0, tune(plan.toArray(String[]::new)), err);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "generate --prompt a",
        "chat",
      })
  void commandsThatAskForText_refuseAClassifier(String command) {
    List<String> args = new ArrayList<>(List.of(command.split(" ")));
    args.addAll(List.of("--model", GOLDEN, "--tokenizer", "../docs/tiny", "--backend", BACKEND));
    assertEquals(2, tune(args.toArray(String[]::new)), out);
    assertTrue(err.endsWith(REFUSED), err);
  }

  @Test
  void logits_refuseAClassifier() throws IOException {
    Path ids = Files.writeString(dir.resolve("ids.jsonl"), "{\"input_ids\": [5, 6]}\n");
    String[] args = {
      "logits",
      "--model",
      GOLDEN,
      "--ids",
      ids.toString(),
      "-o",
      dir.resolve("o").toString(),
      "--backend",
      BACKEND
    };
    assertEquals(2, tune(args), out);
    assertTrue(err.endsWith(REFUSED), err);
  }

  @Test
  void tasksOfClassifiers_refuseAModelOfText() throws IOException {
    Path rows = Files.writeString(dir.resolve("rows.jsonl"), "{\"text\": \"a\", \"label\": 0}\n");
    String[] args = {
      "eval",
      "--model",
      TinyRun.in(dir.resolve("run")).model().toString(),
      "--tasks",
      "classification",
      "--data",
      rows.toString(),
      "--backend",
      BACKEND
    };
    assertEquals(2, tune(args), out);
    assertTrue(
        err.endsWith(
            "tune: the model is no classifier: its head gives logits of tokens, not scores of texts; train one with lora_classification_single_device or lora_reward_single_device"),
        err);
  }
}

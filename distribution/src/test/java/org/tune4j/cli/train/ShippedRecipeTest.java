package org.tune4j.cli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.wiring.Wiring;

/** The commands over what ships: its configs, its recipe, its backends. */
class ShippedRecipeTest {
  /** A process opens one; each has an execution of these tests to itself. */
  private static final String BACKEND = System.getProperty("tune4j.test.backend", "javacpp");

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int tune(String... args) {
    out.reset();
    err.reset();
    PrintStream to = new PrintStream(out, true, StandardCharsets.UTF_8);
    PrintStream errors = new PrintStream(err, true, StandardCharsets.UTF_8);
    return Tune.execute(Wiring.installed(to), args, to, errors);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8).strip();
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  static List<String> configs() {
    return ShippedConfigs.names();
  }

  @ParameterizedTest
  @MethodSource("configs")
  void validate_everyShippedConfig_binds(String config) {
    List<String> command = new ArrayList<>(List.of("validate", config));
    if (config.equals("eleuther_evaluation")) {
      command.add("data=src/test/resources/signatures.txt"); // the rows' file, which is not read
    }
    assertEquals(0, tune(command.toArray(String[]::new)), err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          quickstart | backend=foo | tune: backend 'foo' was requested, there are javacpp, djl
          quickstart | device=gpu backend=javacpp | device is gpu, backend 'javacpp' here has native libraries for the CPU only; use device=cpu, or build with the GPU artefacts (Maven profile gpu)
          quickstart | device=xpu | override 'device=xpu': device 'xpu' is not known; accepted are cpu, cuda and cuda:INDEX
          eleuther_evaluation | tasks=[no_such_task] | eleuther_evaluation:10:1: task 'no_such_task' is not known; there are truthfulqa_mc1,
          eleuther_evaluation | data=no.jsonl | override 'data=no.jsonl': task data no.jsonl does not exist; correct the path
          quickstart | run_eval_every_n_steps=5 eval_tasks=[no_such_task] | quickstart:8:1: task 'no_such_task' is not known
          quickstart | run_eval_every_n_steps=5 eval_tasks=[perplexity] | quickstart:8:1: task 'perplexity' needs a data file
          """)
  void validate_whatRunRefuses_isRefused(String config, String overrides, String message) {
    List<String> command = new ArrayList<>(List.of("validate", config));
    command.addAll(List.of(overrides.split(" ")));
    assertEquals(2, tune(command.toArray(String[]::new)), out());
    assertTrue(err().startsWith(message), err());
    assertEquals(1, err().lines().count(), err());
  }

  @Test
  void validate_taskWithoutData_isRefusedAsRunRefusesIt() {
    String message =
        "eleuther_evaluation:32:7: task 'truthfulqa_mc2' needs a data file, in JSON Lines as the"
            + " task's data set has it; set data to its path";
    assertEquals(2, tune("validate", "eleuther_evaluation"), out());
    assertEquals(message, err());
    assertEquals("", out());
    assertEquals(2, tune("run", "eleuther_evaluation"), out());
    assertTrue(err().endsWith(message), err());
  }

  /** A suggestion is one that the config can have. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          lr=1 | key 'lr' is not known; did you mean 'optimizer.lr'?
          learning_rate=1 | key 'learning_rate' is not known; did you mean 'optimizer.lr'?
          optimizer.learning_rate=1 | key 'learning_rate' is not known; did you mean 'lr'?
          r=8 | key 'r' is not known; did you mean 'lora_rank'?
          model.r=8 | key 'r' is not known; did you mean 'lora_rank'?
          lora_target=[q_proj] | key 'lora_target' is not known; did you mean 'target_modules'?
          load_in_4bit=true | key 'load_in_4bit' is not known; did you mean 'quantize_base'?
          target_modules=[q_proj] | target_modules and torchtune's lora_attn_modules, apply_lora_to_mlp, apply_lora_to_output are both set; keep one of the two ways
          lora_attn_modules=[gate_proj] | key 'lora_attn_modules' is 'gate_proj', expected one of q_proj, k_proj, v_proj, output_proj; name other linears in target_modules instead
          resume=true | key 'resume' is not known; did you mean 'resume_from_checkpoint'?
          quantize_base=nf8 | quantize_base is nf8, expected true, false, nf4 or int8
          """)
  void validate_wordsOfOtherTrainers_areToldOurs(String override, String message) {
    assertEquals(2, tune("validate", "smollm2/135M_lora_single_device", override), out());
    assertTrue(err().startsWith("override '" + override + "': " + message), err());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "use_rslora=true",
        "model.use_rslora=true",
        "use_dora=true",
        "quantize_base=False"
      })
  void validate_keyOfTheModelAtTheTop_isTheModels(String override) {
    assertEquals(0, tune("validate", "quickstart", override), err());
  }

  @Test
  void validate_loraAutoWithoutAKey_asksForAnAdapterThatSaysEverything() {
    String model = "model={_component_: lora_auto}";
    assertEquals(
        0, tune("validate", "quickstart", model, "checkpointer.adapter_checkpoint=a"), err());
    assertEquals(2, tune("validate", "quickstart", model));
    assertTrue(err().contains("lora_auto has no keys: nothing would be trained"), err());
  }

  @Test
  void validate_oProj_isOutputProj() {
    assertEquals(0, tune("validate", "quickstart", "lora_attn_modules=[q_proj,o_proj]"), err());
  }

  @Test
  void validate_modelWithoutAdapters_namesABuilderThatIsThere() {
    assertEquals(
        2,
        tune(
            "validate",
            "smollm2/135M_full_single_device",
            "--recipe",
            "lora_finetune_single_device"));
    assertTrue(
        err().contains("has no adapters; name a builder with adapters, such as lora_auto"), err());
  }

  @Test
  void ls_everyShippedConfig() {
    assertEquals(0, tune("ls"));
    assertEquals(116, configs().size());
    assertEquals(77, configs().stream().filter(c -> c.contains("lora")).count());
    assertTrue(
        out().replaceAll(" +", " ").contains("\nlora_finetune_single_device quickstart\n"), out());
  }

  @Test
  void cat_shippedConfig_isItsText() {
    assertEquals(0, tune("cat", "llama2/7B_lora_single_device"));
    assertEquals(ShippedConfigs.text("llama2/7B_lora_single_device"), out());
  }

  @Test
  void cp_twice_refusesToOverwrite(@TempDir Path dir) {
    Path file = dir.resolve("mine.yaml");
    assertEquals(0, tune("cp", "llama2/7B_lora_single_device", file.toString()));
    assertEquals(2, tune("cp", "llama2/7B_lora_single_device", file.toString()));
    assertEquals("tune: " + file + " exists; use --force to replace it", err());
    assertEquals(0, tune("validate", file.toString()), err());
  }

  @Test
  void run_severalRanksOfASingleDeviceRecipe_namesTheOther() {
    assertEquals(
        2,
        tune(
            "run",
            "--nproc_per_node",
            "2",
            "qwen3/0.6B_full_single_device",
            "checkpointer.checkpoint_dir=src"));
    assertEquals(
        "tune: recipe full_finetune_single_device runs on one rank, 2 were requested; use"
            + " full_finetune_distributed",
        err());
  }

  @Test
  void run_unknownNames_suggestTheNearest() {
    assertEquals(
        2, tune("run", "lora_finetune_single_devise", "--config", "llama2/7B_lora_single_device"));
    assertEquals(
        "tune: recipe 'lora_finetune_single_devise' is not known; did you mean"
            + " 'lora_finetune_single_device'?; there are eleuther_eval, full_classification_distributed,"
            + " full_classification_single_device, full_dpo_distributed,"
            + " full_finetune_distributed, full_finetune_single_device, full_reward_distributed,"
            + " full_reward_single_device, generate, knowledge_distillation_distributed,"
            + " knowledge_distillation_single_device, lora_classification_distributed,"
            + " lora_classification_single_device, lora_dpo_distributed, lora_dpo_single_device,"
            + " lora_finetune_distributed, lora_finetune_single_device, lora_grpo_single_device,"
            + " lora_reward_distributed, lora_reward_single_device",
        err());
    assertEquals(
        2, tune("run", "lora_finetune_single_device", "--config", "llama2/7b_lora_single_device"));
    assertEquals(
        "tune: config 'llama2/7b_lora_single_device' is neither a file nor a name; did you mean"
            + " 'llama2/7B_lora_single_device'?; `tune ls` prints the names",
        err());
    assertEquals(2, tune("rnu"));
    assertTrue(err().startsWith("tune: "), err());
  }

  @Test
  void validate_manyProblems_allAtOnceEachWithItsPlace() {
    assertEquals(
        2,
        tune(
            "validate",
            "smollm2/135M_lora_single_device",
            "lora_rank=0",
            "epochs=many",
            "optimizer.lr=",
            "lora_attn_modules=['q_proj','x_proj']",
            "optimizer._component_=adamm"));
    List<String> lines = err().lines().toList();
    assertEquals(3, lines.size(), err());
    assertTrue(
        lines.contains(
            "override 'lora_attn_modules=['q_proj','x_proj']': key 'lora_attn_modules' is 'x_proj',"
                + " expected one of q_proj, k_proj, v_proj, output_proj;"
                + " name other linears in target_modules instead"),
        err());
    assertTrue(
        lines.contains("override 'epochs=many': key 'epochs' is 'many', expected an integer"),
        err());
    assertTrue(
        lines.contains(
            "override 'optimizer._component_=adamm': optimizer._component_ is 'adamm', which is not"
                + " known; did you mean 'adamw'?; there are adafactor, adamw, adamw_8bit,"
                + " lion, schedule_free_adamw, sgd"),
        err());
  }

  @Test
  void run_missingCheckpoint_oneLineAndNothingWritten(@TempDir Path dir) throws IOException {
    Path output = dir.resolve("out");
    assertEquals(
        1,
        tune(
            "run",
            "lora_finetune_single_device",
            "--config",
            "smollm2/135M_lora_single_device",
            "checkpointer.checkpoint_dir=" + dir.resolve("none"),
            "output_dir=" + output));
    assertEquals(
        "tune: checkpointer.checkpoint_dir is %1$s, which does not exist; `tune download HuggingFaceTB/SmolLM2-135M-Instruct --output-dir %1$s` fetches it"
            .formatted(dir.resolve("none")),
        err());
    assertFalse(Files.exists(output));
  }

  @Test
  void run_unknownBackend_saysWhatThereIs(@TempDir Path dir) throws IOException {
    assertEquals(2, tune(TinyRun.in(dir).command("backend=tpu")));
    assertTrue(err().startsWith("tune: backend 'tpu' was requested, there are javacpp"), err());
  }

  @Test
  void run_secondBackendInOneProcess_isRefused(@TempDir Path dir) throws IOException {
    assertEquals(0, tune(TinyRun.in(dir).command("backend=" + BACKEND, "epochs=1")), err());
    String other = BACKEND.equals("djl") ? "javacpp" : "djl";
    assertEquals(
        1, tune(TinyRun.in(dir).command("backend=" + other, "output_dir=" + dir.resolve("two"))));
    assertEquals(
        "tune: backend '%s' cannot be opened: this process already runs backend '%s', and each brings its own libtorch; start another process"
            .formatted(other, BACKEND),
        err());
  }

  @Test
  void run_deviceThatIsNotThere_saysWhatThereIs(@TempDir Path dir) throws IOException {
    assertEquals(1, tune(TinyRun.in(dir).command("backend=" + BACKEND, "device=cuda:99")));
    assertTrue(
        err()
            .startsWith(
                "tune: device cuda:99 was requested, backend '%s' finds cpu".formatted(BACKEND)),
        err());
  }

  @Test
  void run_tinyModel_lossFallsAndAdapterIsWritten(@TempDir Path dir) throws IOException {
    assertEquals(0, tune(TinyRun.in(dir).command("backend=" + BACKEND)), err());
    List<String> lines = Files.readAllLines(dir.resolve("out/logs/metrics.jsonl"));
    assertEquals(20, lines.size());
    JsonNode first = new ObjectMapper().readTree(lines.get(0));
    JsonNode last = new ObjectMapper().readTree(lines.get(19));
    assertTrue(last.get("loss").asDouble() < first.get("loss").asDouble() - 0.5, lines.toString());
    for (String key :
        List.of(
            "step",
            "epoch",
            "loss",
            "lr",
            "grad_norm",
            "label_tokens",
            "tokens",
            "seconds",
            "tokens_per_second",
            "rss_mb")) {
      assertTrue(first.has(key), key);
    }
    for (String file :
        List.of(
            "adapter_model.safetensors",
            "adapter_config.json",
            "model.safetensors",
            "config.json",
            "tokenizer.json",
            "chat_template.jinja",
            "generation_config.json")) {
      assertTrue(Files.isRegularFile(dir.resolve("out/epoch_19").resolve(file)), file);
    }
    String base = dir.resolve("model").toAbsolutePath().normalize().toString();
    assertEquals(
        List.of(
            "%1$s holds adapter_config.json beside the merged model, so transformers loads %2$s and the adapter; to load only the merged model: tune merge --model %2$s --adapter %1$s -o DIR, and load DIR"
                .formatted(dir.resolve("out/epoch_0"), base)),
        out().lines().filter(line -> line.contains("adapter_config.json")).toList());
    assertEquals(0, tune("validate", dir.resolve("out/config.yaml").toString()), err());
  }

  @Test
  void run_twiceWithOneSeed_sameBytes(@TempDir Path dir) throws IOException {
    String[] args = TinyRun.in(dir).command("backend=" + BACKEND);
    assertEquals(0, tune(args), err());
    byte[] first = Files.readAllBytes(dir.resolve("out/epoch_19/adapter_model.safetensors"));
    assertEquals(2, tune(args));
    assertTrue(err().contains("--resume") && err().contains("--overwrite"), err());
    assertEquals(0, tune(TinyRun.in(dir).command("backend=" + BACKEND, "--overwrite")), err());
    assertFalse(Files.readString(dir.resolve("out/config.yaml")).contains("overwrite"));
    org.junit.jupiter.api.Assertions.assertArrayEquals(
        first, Files.readAllBytes(dir.resolve("out/epoch_19/adapter_model.safetensors")));
  }

  @Test
  void run_quickstartGrpo_raisesTheRewardAboveNineTenths(@TempDir Path dir) throws IOException {
    System.setProperty("tune4j.home", "..");
    try {
      assertEquals(
          0,
          tune(
              "run",
              "lora_grpo_single_device",
              "--config",
              "quickstart_grpo",
              "backend=" + BACKEND,
              "output_dir=" + dir.resolve("out")),
          err());
    } finally {
      System.clearProperty("tune4j.home");
    }
    String before = out().substring(0, out().indexOf("after training:"));
    String after = out().substring(before.length());
    assertTrue(before.contains("Tom has a "), out());
    assertFalse(after.contains("Tom has a "), out());
    assertTrue(after.contains("Four plus three is seven."), out());
    List<Double> rewards = new ArrayList<>();
    for (String line : Files.readAllLines(dir.resolve("out/logs/metrics.jsonl"))) {
      rewards.add(new ObjectMapper().readTree(line).get("rewards/mean").asDouble());
    }
    assertTrue(rewards.get(0) < 0.6, rewards::toString);
    assertTrue(rewards.get(rewards.size() - 1) > 0.9, rewards::toString);
  }

  @Test
  void run_quickstart_answersAsThePirateDoes(@TempDir Path dir) throws IOException {
    System.setProperty("tune4j.home", "..");
    try {
      assertEquals(
          0,
          tune(
              "run",
              "lora_finetune_single_device",
              "--config",
              "quickstart",
              "backend=" + BACKEND,
              "output_dir=" + dir.resolve("out")),
          err());
    } finally {
      System.clearProperty("tune4j.home");
    }
    String before = out().substring(0, out().indexOf("after training:"));
    String after = out().substring(before.length());
    assertTrue(before.contains("Four plus three is seven."), out());
    assertFalse(before.contains("matey"), out());
    assertTrue(after.contains("Four plus three is seven. Ahoy, matey!"), out());
    assertTrue(Files.size(dir.resolve("out/logs/loss.png")) > 1000);
  }
}

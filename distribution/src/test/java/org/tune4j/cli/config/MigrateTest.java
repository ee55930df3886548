package org.tune4j.cli.config;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.cli.Tune;
import org.tune4j.config.Config;
import org.tune4j.wiring.Wiring;

/** {@code tune migrate}: torchtune's names become this project's, and nothing else changes. */
class MigrateTest {
  private static final Path CONFIGS = Path.of("src/test/resources/torchtune");

  @TempDir Path dir;
  private String out = "";
  private String err = "";

  private int tune(String... args) {
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(o, true, UTF_8);
    int code = Tune.execute(Wiring.installed(to), args, to, new PrintStream(e, true, UTF_8));
    out = o.toString(UTF_8).replace(dir.toString(), "DIR");
    err = e.toString(UTF_8).replace(dir.toString(), "DIR");
    return code;
  }

  private String migrated(String yaml) throws IOException {
    Path file = Files.writeString(dir.resolve("my.yaml"), yaml);
    assertEquals(0, tune("migrate", file.toString()), () -> err);
    return out;
  }

  private static final String RECIPE =
      """
      # tune run lora_finetune_single_device --config my
      output_dir: /tmp/x  # here

      # Tokenizer
      tokenizer:
        _component_: torchtune.models.llama3.llama3_tokenizer  # tiktoken
        path: /m/tokenizer.model

      model: {_component_: torchtune.models.llama3.lora_llama3_8b, lora_attn_modules: ['q_proj'], quantize_base: False}
      checkpointer:
        _component_: torchtune.training.FullModelHFCheckpointer
        checkpoint_dir: /m
        recipe_checkpoint: null
        output_dir: ${output_dir}
        model_type: LLAMA3
      dataset:
      - _component_: torchtune.datasets.alpaca_dataset
        data_files: [a.json]
      - _component_: torchtune.datasets.SFTDataset
        message_transform: torchtune.data.InputOutputToMessages
        data_files: [b.json]

      # Optimizer
      optimizer:
        _component_: bitsandbytes.optim.PagedAdamW
        lr: 3e-4
      lr_scheduler:
        _component_: torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup
        num_warmup_steps: 100
        last_epoch: -1
      loss: torchtune.modules.loss.LinearCrossEntropyLoss

      # Logging
      metric_logger:
        _component_: torchtune.training.metric_logging.DiskLogger
      log_level: INFO  # DEBUG, WARN, etc.

      # Memory
      compile: False
      enable_activation_offloading: False

      # Profiler (disabled)
      profiler:
        _component_: torchtune.training.setup_torch_profiler
        enabled: False

        # Where traces go
        output_dir: ${output_dir}/profiling_outputs
      """;

  @Test
  void migrate_allKindsOfNames_keepsOrderAndComments() throws IOException {
    assertEquals(
        """
        # tune run lora_finetune_single_device --config my
        output_dir: /tmp/x  # here

        # Tokenizer
        tokenizer:
          _component_: llama3_tokenizer  # tiktoken
          path: /m/tokenizer.model

        model: {_component_: lora_llama3_8b, lora_attn_modules: ['q_proj'], quantize_base: False}
        checkpointer:
          _component_: hf_checkpointer
          checkpoint_dir: /m
          output_dir: ${output_dir}
        dataset:
        - _component_: alpaca_dataset
          data_files: [a.json]
        - _component_: sft_dataset
          message_transform: input_output_to_messages
          data_files: [b.json]

        # Optimizer
        optimizer:
          _component_: adamw
          lr: 3e-4
        lr_scheduler:
          _component_: cosine
          num_warmup_steps: 100
        loss: chunked_cross_entropy

        # Logging
        metric_logger:
          _component_: disk_logger
        """,
        migrated(RECIPE));
    assertEquals(
        "dropped, as they have no effect: checkpointer.recipe_checkpoint, checkpointer.model_type, lr_scheduler.last_epoch, log_level, compile, enable_activation_offloading, profiler\n",
        err);
  }

  @Test
  void migrate_keyThatOthersReferTo_stays() throws IOException {
    String yaml =
        RECIPE
            .replace("log_level: INFO", "log_level: &level INFO")
            .replace("compile: False", "compile: 100")
            .replace("num_warmup_steps: 100", "num_warmup_steps: ${compile}");
    String after = migrated(yaml);
    assertTrue(after.contains("log_level: &level INFO  # DEBUG"), after);
    assertTrue(after.contains("# Memory\ncompile: 100\n"), after);
    assertFalse(after.contains("enable_activation_offloading"), after);
  }

  @Test
  void migrate_textWithWideCharacters_replacesTheRightOnes() throws IOException {
    String after = migrated(RECIPE.replace("# here", "# \uD83E\uDD99 here"));
    assertTrue(after.contains("_component_: llama3_tokenizer  # tiktoken\n"), after);
    assertTrue(after.contains("# \uD83E\uDD99 here\n"), after);
  }

  @Test
  void migrate_again_changesNothing() throws IOException {
    String once = migrated(RECIPE);
    assertEquals(once, migrated(once));
    assertEquals("", err);
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama3", "llama3_1", "llama3_2", "code_llama2", "mistral"})
  void migrate_toAFile_givesTheSameConfig(String name) throws IOException {
    Path file = CONFIGS.resolve(name + ".yaml");
    Path written = dir.resolve("new/mine.yaml");
    assertEquals(0, tune("migrate", file.toString(), "-o", written.toString()), err);
    assertEquals("wrote DIR/new/mine.yaml\n", out);
    assertEquals(
        0, tune("validate", written.toString(), "dataset.data_files=rows.json", "device=cpu"), err);
    assertEquals("DIR/new/mine.yaml: valid for lora_finetune_single_device\n", out);
    Map<String, String> before = settings(file);
    Map<String, String> after = settings(written);
    assertTrue(before.size() > after.size(), after::toString);
    after.forEach(
        (key, value) -> {
          if (!key.endsWith("_component_")) {
            assertEquals(before.get(key), value, key);
          }
        });
    assertFalse(Files.readString(written).contains("torchtune."), () -> "" + after);
    assertEquals(2, tune("migrate", file.toString(), "-o", written.toString()));
    assertEquals("tune: DIR/new/mine.yaml exists; use --force to replace it\n", err);
    assertEquals(0, tune("migrate", file.toString(), "-o", written.toString(), "--force"), err);
  }

  private static Map<String, String> settings(Path file) throws IOException {
    return new TreeMap<>(Config.parse("c", Files.readString(file)).with(List.of()).settings());
  }

  @Test
  void migrate_recipeGivenByHand_isNoted() throws IOException {
    Path file =
        Files.writeString(dir.resolve("my.yaml"), RECIPE.replaceFirst("# tune run.*\n", ""));
    assertEquals(2, tune("migrate", file.toString()));
    assertTrue(err.startsWith("tune: config 'DIR/my.yaml' does not say which recipe"), err);
    assertEquals(
        0, tune("migrate", file.toString(), "--recipe", "lora_finetune_single_device"), err);
    assertTrue(
        out.startsWith("# tune run lora_finetune_single_device --config THIS_FILE\noutput"), out);
  }

  @Test
  void migrate_whatDoesNotValidate_isRefused() throws IOException {
    Path file =
        Files.writeString(
            dir.resolve("my.yaml"), RECIPE.replace("lora_llama3_8b", "llama3_reward_8b"));
    assertEquals(2, tune("migrate", file.toString()));
    assertEquals("", out);
    assertEquals(
        "DIR/my.yaml:9:22: model._component_ is 'torchtune.models.llama3.llama3_reward_8b': a reward model's builder is not supported; name the plain one, to which lora_reward_single_device gives a head of one label\n",
        err);
  }
}

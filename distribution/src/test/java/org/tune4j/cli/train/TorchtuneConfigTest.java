package org.tune4j.cli.train;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.wiring.Wiring;

/**
 * Configs in torchtune's form: dotted names, and keys that do nothing here. Only the rows' file has
 * to be added: nothing is downloaded.
 */
class TorchtuneConfigTest {
  private static final Path CONFIGS = Path.of("src/test/resources/torchtune");

  private String out = "";
  private String err = "";

  private int tune(String... args) {
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(o, true, UTF_8);
    int code = Tune.execute(Wiring.installed(to), args, to, new PrintStream(e, true, UTF_8));
    out = o.toString(UTF_8).replace(CONFIGS + "/", "");
    err = e.toString(UTF_8).replace(CONFIGS + "/", "");
    return code;
  }

  private static String file(String name) {
    return CONFIGS.resolve(name + ".yaml").toString();
  }

  private static final String ON_CPU =
      "device is cuda, backend 'javacpp' here has native libraries for the CPU only; use device=cpu, or build with the GPU artefacts (Maven profile gpu) before a run";

  @ParameterizedTest
  @ValueSource(strings = {"llama3", "llama3_1", "code_llama2", "mistral"})
  void validate_asItIs_isValidAndSaysWhatARunNeeds(String name) {
    assertEquals(0, tune("validate", file(name)), err);
    assertTrue(
        out.endsWith("%n%s.yaml: valid for lora_finetune_single_device%n".formatted(name)), out);
    List<String> lines = out.lines().toList();
    assertEquals(3, lines.size(), out);
    assertTrue(
        lines
            .get(0)
            .matches(
                name
                    + "\\.yaml:\\d+:3: source '.*' is a data set of the Hugging Face Hub; .* before a run"),
        out);
    assertEquals(ON_CPU, lines.get(1).replace("'djl'", "'javacpp'"));
    assertEquals(0, tune("validate", file(name), "dataset.data_files=rows.json", "device=cpu"));
    assertEquals(name + ".yaml: valid for lora_finetune_single_device\n", out);
  }

  @Test
  void run_withoutDataFiles_isRefusedBeforeAnythingIsFetched() {
    assertEquals(2, tune("run", file("llama3"), "checkpointer.checkpoint_dir=OWNER/NAME"));
    assertEquals("", out);
    assertEquals(1, err.lines().count(), err);
    assertTrue(
        err.startsWith("llama3.yaml:33:3: source 'yahma/alpaca-cleaned' is a data set of"), err);
  }

  @Test
  void validate_whatHasNoEffect_isNoted() {
    assertEquals(
        0, tune("validate", file("llama3_2"), "dataset.data_files=rows.json", "device=cpu"), err);
    assertEquals(
        """
        llama3_2.yaml:55:10: key 'compile' has no effect: the backend's kernels are used as they are
        llama3_2.yaml: valid for lora_finetune_single_device
        """,
        out);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "~lr_scheduler",
        "lr_scheduler=null",
        "lr_scheduler=constant",
        "lr_scheduler=linear",
        "lr_scheduler=rex",
        "lr_scheduler={_component_: inverse_sqrt, timescale: 50}",
        "lr_scheduler={_component_: transformers.get_cosine_with_hard_restarts_schedule_with_warmup, num_cycles: 3}",
        "lr_scheduler=transformers.get_constant_schedule_with_warmup",
        "lr_scheduler={_component_: linear, num_warmup_steps: 7}",
        "optimizer_in_bwd=False",
        "quantizer=null",
        "optimizer.amsgrad=False",
        "tokenizer_checkpoint=/tmp/tokenizer.model",
        "checkpointer.checkpoint_files=[/tmp/llama3/model.safetensors]",
        "profiler.enabled=False",
        "checkpointer.keep_last_n_checkpoints=2",
        "log_every_n_steps=null",
      })
  void validate_scheduleOrSwitch_isValid(String override) {
    assertEquals(
        0,
        tune("validate", file("llama3"), "device=cpu", "dataset.data_files=rows.json", override),
        err);
    assertEquals("llama3.yaml: valid for lora_finetune_single_device\n", out);
  }

  /**
   * What torchtune's configs ask for beyond {@code llama3.yaml}, and the line that is said of it.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "optimizer=bitsandbytes.optim.PagedAdamW|optimizer._component_ 'bitsandbytes.optim.PagedAdamW' is adamw here: its state has the parameters' dtype and stays in memory",
        "optimizer=bitsandbytes.optim.PagedAdamW8bit|optimizer._component_ 'bitsandbytes.optim.PagedAdamW8bit' is adamw_8bit here: its state stays in memory",
        "tokenizer=torchtune.models.qwen2.qwen2_tokenizer|tokenizer._component_ 'torchtune.models.qwen2.qwen2_tokenizer' is hf_tokenizer here: it reads tokenizer.json and the chat template beside it",
        "fsdp_cpu_offload=True|key 'fsdp_cpu_offload' has no effect: the weights' shards are kept where they are computed with",
        "enable_activation_offloading=True|key 'enable_activation_offloading' has no effect: enable_activation_checkpointing is what saves activation memory",
        "model={_component_: torchtune.models.phi3.lora_phi3_mini, lora_attn_modules: [q_proj]}|model._component_ 'torchtune.models.phi3.lora_phi3_mini' adapts what is stored as one linear as one: qkv_proj for q_proj, k_proj and v_proj",
        "use_flex=True|key 'use_flex' has no effect: the backend's attention is used as it is",
        "dataset.subset=null|key 'subset' is not known and off: it is ignored",
      })
  void validate_whatChangesNoResult_isNoted(String override, String note) {
    assertEquals(
        0,
        tune("validate", file("llama3"), "device=cpu", "dataset.data_files=rows.json", override),
        err);
    assertEquals("override '%s': %s".formatted(override, note), out.lines().findFirst().orElse(""));
    assertEquals(2, out.lines().count(), out);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "dataset=torchtune.datasets.multimodal.the_cauldron_dataset|dataset._component_ is 'torchtune.datasets.multimodal.the_cauldron_dataset': image input is not supported",
        "loss=torchtune.rlhf.loss.PPOLoss|loss._component_ is 'torchtune.rlhf.loss.PPOLoss': reinforcement learning is not supported",
        "model=torchtune.models.llama4.lora_llama4_scout_17b_16e|model._component_ is 'torchtune.models.llama4.lora_llama4_scout_17b_16e': Llama 4 (image input, mixture of experts) is not supported",
        "tensor_parallel_dim=8|key 'tensor_parallel_dim' is '8': tensor parallelism is not supported; ranks share a model with strategy=fsdp",
        "checkpointer.safe_serialization=False|checkpointer.safe_serialization is false, weights are only written as safetensors; set it to true",
      })
  void validate_whatWouldChangeTheResult_isRefusedInWords(String override, String problem) {
    assertEquals(2, tune("validate", file("llama3"), override), out);
    assertEquals("override '%s': %s%n".formatted(override, problem), err);
  }

  @Test
  void run_withPathsOfThisMachine_trains(@TempDir Path dir) throws IOException {
    TinyRun run = TinyRun.in(dir);
    List<String> args = new ArrayList<>(Arrays.asList(run.command()));
    args.set(3, file("llama3"));
    args.addAll(
        List.of(
            "model=lora_auto",
            "tokenizer=hf_tokenizer",
            "tokenizer.path=" + run.model(),
            "checkpointer.checkpoint_files=[model.safetensors]",
            "device=cpu",
            "epochs=1"));
    assertEquals(0, tune(args.toArray(String[]::new)), err);
    assertTrue(Files.exists(run.out().resolve("epoch_0/adapter_model.safetensors")), out);
  }
}

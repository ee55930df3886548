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

  @ParameterizedTest
  @ValueSource(strings = {"llama3", "llama3_1", "code_llama2", "mistral"})
  void validate_asItIs_butForTheDevice_isValid(String name) {
    assertEquals(
        0, tune("validate", file(name), "dataset.data_files=rows.json", "device=cpu"), err);
    assertEquals(name + ".yaml: valid for lora_finetune_single_device\n", out);
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
        "lr_scheduler=transformers.get_constant_schedule_with_warmup",
        "lr_scheduler={_component_: linear, num_warmup_steps: 7}",
        "optimizer_in_bwd=False",
        "quantizer=null",
        "optimizer.amsgrad=False",
      })
  void validate_scheduleOrSwitch_isValid(String override) {
    assertEquals(
        0,
        tune("validate", file("llama3"), "device=cpu", "dataset.data_files=rows.json", override),
        err);
  }

  @Test
  void validate_whatWouldChangeTheResult_isRefusedInWords() {
    assertEquals(
        2,
        tune(
            "validate",
            file("llama3"),
            "dataset.data_files=rows.json",
            "model=torchtune.models.llama3.qlora_llama3_8b",
            "optimizer=bitsandbytes.optim.PagedAdamW8bit",
            "checkpointer=torchtune.training.FullModelMetaCheckpointer"));
    assertEquals(3, err.lines().count(), err);
    assertTrue(err.contains("QLoRA is not supported yet: use lora_llama3_8b"), err);
    assertTrue(err.contains("which changes the updates; use adamw"), err);
    assertTrue(err.contains("use hf_checkpointer with the model's Hugging Face folder"), err);
    assertEquals(
        2,
        tune(
            "validate",
            file("llama3"),
            "dataset.data_files=rows.json",
            "checkpointer.safe_serialization=False"));
    assertEquals(
        "override 'checkpointer.safe_serialization=False': checkpointer.safe_serialization is false, weights are only written as safetensors; set it to true\n",
        err);
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

package org.tune4j.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.wiring.Wiring;

/**
 * What a user reads when a file, a key or the machine is wrong: one line, the right exit code, no
 * stack trace, nothing half-written, and an earlier {@code epoch_0} as it was.
 */
class BadInputTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path dir;
  private TinyRun run;
  private List<String> before = List.of();

  @BeforeEach
  void earlierRun() throws IOException {
    run = TinyRun.in(dir);
    Files.createDirectories(run.out().resolve("epoch_0"));
    Files.writeString(run.out().resolve("epoch_0/adapter_model.safetensors"), "an earlier run's");
    before = written();
  }

  /** Where the weights of an earlier run lie, or a part of another. */
  private List<String> written() throws IOException {
    try (Stream<Path> files = Files.walk(run.out())) {
      return files
          .filter(Files::isRegularFile)
          .map(f -> run.out().relativize(f).toString())
          .filter(f -> f.contains("epoch_"))
          .sorted()
          .toList();
    }
  }

  /** Also where the earlier run's results are to be overwritten: they are not yet. */
  private void fails(int code, String message, String... overrides) throws IOException {
    List<String> all = new ArrayList<>(List.of("overwrite=true"));
    all.addAll(List.of(overrides));
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream errors = new PrintStream(err, true, UTF_8);
    PrintStream out = new PrintStream(new ByteArrayOutputStream(), true, UTF_8);
    int actual =
        Tune.execute(Wiring.installed(out), run.command(all.toArray(String[]::new)), out, errors);
    assertEquals(message + "\n", err.toString(UTF_8).replace(dir.toString(), "DIR"));
    assertEquals(code, actual);
    assertEquals(before, written());
    assertEquals(
        "an earlier run's",
        Files.readString(run.out().resolve("epoch_0/adapter_model.safetensors")));
  }

  // ---- Weights ------------------------------------------------------------------------------

  private void weights(Consumer<ByteBuffer> change, int cut) throws IOException {
    Path file = run.model().resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    change.accept(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    Files.write(file, Arrays.copyOf(bytes, bytes.length - cut));
  }

  @Test
  void weights_cutInTheHeader() throws IOException {
    weights(b -> {}, 769_824);
    fails(
        1,
        "tune: DIR/model/model.safetensors is not a valid safetensors file: its header claims 3072 bytes, but 992 follow; it is truncated; download the file again");
  }

  @Test
  void weights_cutInATensor() throws IOException {
    weights(b -> {}, 100);
    fails(
        1,
        "tune: DIR/model/model.safetensors is not a valid safetensors file: tensor 'model.norm.weight' ends at byte 767744, but the file holds 767644 bytes of tensors; it is truncated; download the file again");
  }

  @Test
  void weights_headerClaimsMoreThanThereCanBe() throws IOException {
    weights(b -> b.putLong(0, Long.MAX_VALUE), 0);
    fails(
        1,
        "tune: DIR/model/model.safetensors is not a valid safetensors file: its header claims 9223372036854775807 bytes, expected 2 to 100000000; it is not a safetensors file, or is damaged; download the file again");
  }

  @Test
  void weights_headerLiesAboutAShape() throws IOException {
    weights(
        b -> {
          byte[] header = new byte[b.getInt(0)];
          b.get(8, header);
          b.put(
              8, new String(header, UTF_8).replaceFirst("\\[320, ?64", "[321,64").getBytes(UTF_8));
        },
        0);
    fails(
        1,
        "tune: DIR/model/model.safetensors is not a valid safetensors file: tensor 'lm_head.weight' has 81920 bytes, expected 82176 for F32 [321, 64]; download the file again");
  }

  @Test
  void index_pointsOutsideItsFolder() throws IOException {
    Files.move(run.model().resolve("model.safetensors"), dir.resolve("model.safetensors"));
    Files.writeString(
        run.model().resolve("model.safetensors.index.json"),
        "{\"weight_map\": {\"lm_head.weight\": \"../model.safetensors\"}}");
    fails(
        1,
        "tune: DIR/model/model.safetensors.index.json: weight_map places tensor 'lm_head.weight' in '../model.safetensors', expected a file in the index's folder; download the checkpoint again");
  }

  @Test
  void weights_missing() throws IOException {
    Files.delete(run.model().resolve("model.safetensors"));
    fails(
        1,
        "tune: the checkpoint folder DIR/model has no weights: expected model.safetensors or model.safetensors.index.json; download them");
  }

  // ---- The model ----------------------------------------------------------------------------

  private void config(Consumer<ObjectNode> change) throws IOException {
    Path file = run.model().resolve("config.json");
    ObjectNode json = (ObjectNode) JSON.readTree(file.toFile());
    change.accept(json);
    JSON.writeValue(file.toFile(), json);
  }

  @Test
  void weights_ofAnotherShape() throws IOException {
    config(c -> c.put("hidden_size", 128).put("head_dim", 32));
    fails(
        1,
        "tune: checkpoint DIR/model: tensor 'model.embed_tokens.weight' has shape [320, 64], the model expects [320, 128]; the checkpoint belongs to another model");
  }

  @Test
  void weights_fewerThanTheModelHas() throws IOException {
    config(c -> c.put("num_hidden_layers", 4));
    fails(
        1,
        "tune: checkpoint DIR/model: the base checkpoint lacks model.layers.3.self_attn.q_proj.weight, model.layers.3.self_attn.k_proj.weight, model.layers.3.self_attn.v_proj.weight and 6 more; it is incomplete or belongs to another model");
  }

  @Test
  void builder_ofAnotherModel_saysWhatDiffers() throws IOException {
    fails(
        1,
        "tune: DIR/model/config.json: the checkpoint is not model 'lora_llama2_7b': vocab_size is 320, expected 32000, hidden_size is 64, expected 4096, intermediate_size is 176, expected 11008, num_hidden_layers is 3, expected 32, num_attention_heads is 4, expected 32, num_key_value_heads is 4, expected 32, head_dim is 16, expected 128; name the checkpoint's own builder, or lora_auto, which reads config.json",
        "model=lora_llama2_7b");
  }

  @Test
  void config_broken() throws IOException {
    Files.writeString(run.model().resolve("config.json"), "{\"model_type\": \"llama\"");
    fails(
        1,
        "tune: DIR/model/config.json is not valid JSON (line 1, column 23: Unexpected end-of-input: expected close marker for Object); download the file again");
  }

  @Test
  void config_missing() throws IOException {
    Files.delete(run.model().resolve("config.json"));
    fails(
        1,
        "tune: DIR/model/config.json does not exist; give the folder of a Hugging Face checkpoint, config.json in it");
  }

  // ---- Tokenizer, rows, adapter ---------------------------------------------------------------

  @Test
  void tokenizer_missing() throws IOException {
    Files.delete(run.model().resolve("tokenizer.json"));
    fails(
        1,
        "tune: tokenizer DIR/model/tokenizer.json does not exist; copy the model's tokenizer.json there or set tokenizer.path");
  }

  @Test
  void tokenizer_broken() throws IOException {
    Files.writeString(run.model().resolve("tokenizer.json"), "{}");
    fails(
        1,
        "tune: tokenizer DIR/model/tokenizer.json cannot be read: Model missing. at line 1 column 2; fetch the file again");
  }

  @Test
  void rows_missing() throws IOException {
    Files.delete(run.rows());
    fails(
        1,
        "tune: data file DIR/rows.jsonl does not exist; name JSON, JSONL, CSV, Parquet or text files");
  }

  @Test
  void rows_empty() throws IOException {
    Files.writeString(run.rows(), "");
    fails(1, "tune: data file DIR/rows.jsonl holds no rows; expected at least one");
  }

  @Test
  void rows_withoutAColumn() throws IOException {
    Files.writeString(run.rows(), "{\"instruction\": \"a\"}");
    fails(
        1,
        "tune: DIR/rows.jsonl:1:1: row 1: column 'output' is missing, found instruction; name it with dataset.column_map.output=NAME");
  }

  @Test
  void adapter_ofAnotherRank() throws IOException {
    fails(
        1,
        "tune: adapter %s: it has rank 4 and alpha 16.0, the config asks for rank 8 and alpha 16.0; set lora_rank and lora_alpha to the adapter's"
            .formatted(TinyRun.GOLDEN.resolve("lora/all_r4/initial")),
        "checkpointer.adapter_checkpoint=" + TinyRun.GOLDEN.resolve("lora/all_r4/initial"));
  }

  @Test
  void adapter_ofAnotherModel() throws IOException {
    fails(
        1,
        "tune: adapter %s: the adapter adapts 'lm_head', the model does not; name it in the model's target_modules or lora_attn_modules"
            .formatted(TinyRun.GOLDEN.resolve("lora/all_r4/initial")),
        "checkpointer.adapter_checkpoint=" + TinyRun.GOLDEN.resolve("lora/all_r4/initial"),
        "lora_rank=4");
  }

  // ---- Keys -----------------------------------------------------------------------------------

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "lora_rank=0|lora_rank is 0, expected 1 or more",
        "lora_rank=-3|lora_rank is -3, expected 1 or more",
        "lora_alpha=0|lora_alpha is 0.0, expected a number above 0",
        "lora_dropout=1|lora_dropout is 1.0, expected 0 to below 1",
        "optimizer.lr=-1|adamw: lr is -1.0, expected between 0 and 10",
        "optimizer.lr=nan|key 'lr' is 'nan', expected a number",
        "batch_size=0|batch_size is 0, expected 1 or more",
        "epochs=1.5|key 'epochs' is '1.5', expected an integer",
        "dtype=fp17|dtype 'fp17' is not known; accepted are fp64, fp32, bf16, fp16",
        "device=tpu|device 'tpu' is not known; accepted are cpu, cuda and cuda:INDEX",
        "max_shard_size=5XB|max_shard_size is '5XB', expected a size such as 5GB or 200MB",
        "optimizer=torch.optim.AdamV|optimizer._component_ is 'torch.optim.AdamV', which is not known; did you mean 'adamw'?; there are adafactor, adamw, adamw_8bit, lion, schedule_free_adamw, sgd",
        "optimizer=torchao.optim.AdamW4bit|optimizer._component_ is 'torchao.optim.AdamW4bit': this optimiser is not supported; use adamw_8bit",
        "tensor_parallel_dim=2|key 'tensor_parallel_dim' is '2': tensor parallelism is not supported; ranks share a model with strategy=fsdp",
        "adapters=[a]|key 'adapters' is no section; expected names, each with the keys that it changes",
        "adapters={a: {threads: 1}}|adapter 'a' has key 'threads', which all adapters share; set it at the top",
        "optimizer.lrr=1|key 'lrr' is not known; did you mean 'lr'?; accepted are lr, betas, eps, weight_decay, fused, loraplus_lr_ratio",
      })
  void key_wrong_isNamedWithItsPlace(String override, String message) throws IOException {
    fails(2, "override '%s': %s".formatted(override, message), override);
  }

  @Test
  void backend_unknown_isCode2() throws IOException {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(err, true, UTF_8);
    assertEquals(2, Tune.execute(Wiring.installed(to), run.command("backend=tpu"), to, to));
    assertEquals(1, err.toString(UTF_8).lines().count(), err.toString(UTF_8));
  }

  @Test
  void device_absent_isTheMachinesFault() throws IOException {
    fails(
        1,
        "tune: device cuda:0 was requested, backend 'javacpp' finds cpu; use device=cpu, or install a CUDA driver and the GPU artefacts (Maven profile gpu)",
        "device=cuda");
  }

  // ---- Where results go -----------------------------------------------------------------------

  @Test
  void outputDir_isAFile() throws IOException {
    Path file = Files.writeString(dir.resolve("file"), "mine");
    fails(
        1,
        "tune: output_dir DIR/file cannot be written: a file is in the place of a folder; choose another output_dir",
        "output_dir=" + file);
    assertEquals("mine", Files.readString(file));
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "Windows has no modes of files")
  void outputDir_notWritable() throws IOException {
    Path locked = Files.createDirectory(dir.resolve("locked"));
    Files.setPosixFilePermissions(locked, PosixFilePermissions.fromString("r-xr-xr-x"));
    assumeTrue(!Files.isWritable(locked), "skipped: the superuser writes anywhere");
    fails(
        1,
        "tune: output_dir DIR/locked cannot be written: permission denied; choose another output_dir",
        "output_dir=" + locked);
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right on Windows")
  void disk_fullWhileTraining() throws IOException {
    assumeTrue(Files.exists(Path.of("/dev/full")), "skipped: this system has no /dev/full");
    Files.createDirectories(run.out().resolve("logs"));
    Files.createSymbolicLink(run.out().resolve("logs/metrics.jsonl"), Path.of("/dev/full"));
    fails(
        1,
        "tune: DIR/out/logs/metrics.jsonl cannot be appended to: No space left on device; free some space and run again with --resume",
        "overwrite=false",
        "resume_from_checkpoint=true");
  }
}

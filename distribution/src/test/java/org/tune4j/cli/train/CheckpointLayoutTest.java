package org.tune4j.cli.train;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.checkpoint.SafetensorsWriter;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.wiring.Wiring;

/** One tiny model in the layouts of published ones: it must train to the same numbers. */
class CheckpointLayoutTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path dir;
  private TinyRun run;
  private String out = "";
  private String err = "";

  @BeforeEach
  void model() throws IOException {
    run = TinyRun.in(dir);
  }

  private int tune(String... args) {
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(o, true, UTF_8);
    int code = Tune.execute(Wiring.installed(to), args, to, new PrintStream(e, true, UTF_8));
    out = o.toString(UTF_8);
    err = e.toString(UTF_8);
    return code;
  }

  /** The losses of two steps. */
  private List<Double> losses(String name, String... overrides) throws IOException {
    List<String> all =
        new ArrayList<>(List.of("output_dir=" + dir.resolve(name), "epochs=2", "threads=1"));
    all.addAll(Arrays.asList(overrides));
    assertEquals(0, tune(run.command(all.toArray(String[]::new))), err);
    List<Double> losses = new ArrayList<>();
    for (String line : Files.readAllLines(dir.resolve(name).resolve("logs/metrics.jsonl"))) {
      JsonNode loss = JSON.readTree(line).path("loss");
      losses.add(loss.asDouble());
    }
    return losses;
  }

  private static StoredTensor stored(Path file, SafetensorsFile.Entry e) {
    return new StoredTensor(
        e.name(),
        e.type(),
        e.shape(),
        to -> {
          try (FileChannel from = FileChannel.open(file)) {
            from.transferTo(e.offset(), e.length(), to);
          }
        });
  }

  /** As meta-llama/Llama-2-7b-hf has it: three shards, an index, frequencies in each layer. */
  private void asLlama2() throws IOException {
    Path single = run.model().resolve("model.safetensors");
    List<StoredTensor> all = new ArrayList<>();
    SafetensorsFile.open(single).entries().values().forEach(e -> all.add(stored(single, e)));
    for (int layer = 0; layer < 3; layer++) {
      all.add(
          layer * 10,
          new StoredTensor(
              "model.layers.%d.self_attn.rotary_emb.inv_freq".formatted(layer),
              SafetensorsType.F32,
              List.of(8L),
              to -> to.write(ByteBuffer.allocate(32))));
    }
    ObjectNode index = JSON.createObjectNode();
    ObjectNode places = index.putObject("weight_map");
    for (int i = 0; i < 3; i++) {
      String name = "model-%05d-of-00003.safetensors".formatted(i + 1);
      List<StoredTensor> shard = all.subList(i * 11, (i + 1) * 11);
      SafetensorsWriter.write(run.model().resolve(name), shard);
      shard.forEach(t -> places.put(t.name(), name));
    }
    JSON.writeValue(run.model().resolve("model.safetensors.index.json").toFile(), index);
    Files.delete(single);
    Path config = run.model().resolve("config.json");
    ObjectNode fields = (ObjectNode) JSON.readTree(config.toFile());
    fields.remove(List.of("head_dim", "attention_bias", "mlp_bias", "rope_theta"));
    fields.put("pretraining_tp", 1);
    JSON.writeValue(config.toFile(), fields);
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right on Windows")
  void llama2Layout_isTheSameModel_andIsNotInWhatIsMadeFromIt() throws IOException {
    List<Double> right = losses("plain");
    asLlama2();
    Files.writeString(dir.resolve("secret"), "secret");
    Files.createSymbolicLink(run.model().resolve("vocab.json"), dir.resolve("secret"));
    assertEquals(right, losses("layout"));
    assertTrue(
        out.contains(
            "warning: merged models will lack [vocab.json] of "
                + run.model()
                + ", which are links to other folders; put the files there\n"),
        out);
    Path merged = dir.resolve("layout/epoch_1");
    assertFalse(Files.exists(merged.resolve("vocab.json")));
    assertEquals(
        SafetensorsFile.open(dir.resolve("plain/epoch_1/model.safetensors")).entries().keySet(),
        SafetensorsFile.open(merged.resolve("model.safetensors")).entries().keySet());
    assertEquals(30, HuggingFaceFolder.open(merged).weights().size());
    assertEquals(
        0,
        tune(
            "generate",
            "--model",
            merged.toString(),
            "--prompt",
            "one",
            "--max-new-tokens",
            "2",
            "--dtype",
            "fp32",
            "--backend",
            "javacpp"),
        err);

    // torchtune's words for the same three files.
    String format =
        "checkpointer.checkpoint_files={filename_format: 'model-{}-of-{}.safetensors',"
            + " max_filename: '00003'}";
    assertEquals(right, losses("format", format));
    assertEquals(
        1, tune(run.command(format.replace("00003", "00004"), "output_dir=" + dir.resolve("no"))));
    assertTrue(err.contains("model-00001-of-00004.safetensors, which does not exist"), err);
  }

  @Test
  void checkpointFiles_decideWhatIsTrained() throws IOException {
    Path single = run.model().resolve("model.safetensors");
    Path other = run.model().resolve("other.safetensors");
    List<StoredTensor> all = new ArrayList<>();
    SafetensorsFile.open(single)
        .entries()
        .values()
        .forEach(
            e ->
                all.add(
                    e.name().equals("lm_head.weight")
                        ? new StoredTensor(
                            e.name(),
                            e.type(),
                            e.shape(),
                            to -> to.write(ByteBuffer.allocate((int) e.length())))
                        : stored(single, e)));
    SafetensorsWriter.write(other, all);
    double uniform = Math.log(320);
    assertEquals(
        uniform,
        losses("other", "checkpointer.checkpoint_files=[other.safetensors]", "epochs=1").get(0),
        1e-4);
    assertEquals(
        uniform,
        losses(
                "path",
                "~checkpointer.checkpoint_dir",
                "checkpointer.checkpoint_files=['" + other + "']",
                "epochs=1")
            .get(0),
        1e-4);
    assertEquals(
        0,
        tune(
            run.command(
                "output_dir=" + dir.resolve("other"),
                "checkpointer.checkpoint_files=['" + other + "']",
                "threads=1",
                "epochs=1",
                "resume_from_checkpoint=true")),
        err);
    assertTrue(out.contains("nothing to do"), out);
    assertEquals(
        2,
        tune(
            run.command(
                "output_dir=" + dir.resolve("bin"),
                "checkpointer.checkpoint_files=[pytorch_model.h5]")));
    assertTrue(err.contains("lists 'pytorch_model.h5', which is no file of weights"), err);
  }
}

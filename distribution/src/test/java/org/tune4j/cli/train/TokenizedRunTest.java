package org.tune4j.cli.train;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.wiring.Wiring;

/** Training on token ids, with no tokenizer in the config or in the model's folder. */
class TokenizedRunTest {
  private static final String CONFIG = "llama/lora_single_device";

  @TempDir Path dir;
  private TinyRun run;
  private String out = "";
  private String err = "";

  @BeforeEach
  void model() throws IOException {
    run = TinyRun.in(dir);
  }

  private int tune(List<String> args) {
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(o, true, UTF_8);
    int code =
        Tune.execute(
            Wiring.installed(to), args.toArray(String[]::new), to, new PrintStream(e, true, UTF_8));
    out = o.toString(UTF_8);
    err = e.toString(UTF_8).strip();
    return code;
  }

  private static List<String> with(List<String> args, String... more) {
    List<String> all = new ArrayList<>(args);
    all.addAll(Arrays.asList(more));
    return all;
  }

  private List<String> run(String out, String... more) {
    return with(
        with(Arrays.asList(run.command()), "epochs=3", "output_dir=" + dir.resolve(out)), more);
  }

  private byte[] adapter(String out) throws IOException {
    return Files.readAllBytes(dir.resolve(out).resolve("epoch_2/adapter_model.safetensors"));
  }

  /** The text rows as `tune data inspect --json` gives them, with transformers' labels. */
  private String ids() throws IOException {
    assertEquals(
        0,
        tune(
            List.of(
                "data",
                "inspect",
                "--json",
                "--config",
                CONFIG,
                "checkpointer.checkpoint_dir=" + run.model(),
                "dataset.data_files=" + run.rows())),
        err);
    StringBuilder rows = new StringBuilder();
    for (String line : out.lines().toList()) {
      JsonNode json = new ObjectMapper().readTree(line);
      List<Integer> labels = new ArrayList<>();
      for (int i = 0; i < json.get("input_ids").size(); i++) {
        boolean trained = json.get("trained").get(i).asBoolean();
        labels.add(trained ? json.get("input_ids").get(i).asInt() : -100);
      }
      rows.append("{\"input_ids\": %s, \"labels\": %s}%n".formatted(json.get("input_ids"), labels));
    }
    Path file = Files.writeString(dir.resolve("ids.jsonl"), rows);
    return "dataset={_component_: tokenized_dataset, data_files: " + file + "}";
  }

  @Test
  void run_onIdsOfText_trainsTheSameBits_andResumes() throws IOException {
    assertEquals(0, tune(run("text")), err);
    String dataset = ids();
    Files.delete(run.model().resolve("tokenizer.json"));
    Files.delete(run.model().resolve("chat_template.jinja"));
    assertEquals(0, tune(run("ids", dataset, "~tokenizer")), err);
    assertArrayEquals(adapter("text"), adapter("ids"));

    List<String> two = run("resumed", dataset, "~tokenizer", "epochs=2");
    assertEquals(0, tune(two), err);
    assertEquals(0, tune(with(two, "--resume", "epochs=3")), err);
    assertTrue(Files.exists(dir.resolve("resumed/epoch_2/adapter_model.safetensors")), out);
    assertEquals(0, tune(run("dry", dataset, "~tokenizer", "--dry-run")), err);
  }

  @Test
  void fullRun_onIds_works() throws IOException {
    List<String> full =
        List.of("run", "full_finetune_single_device", "--config", "llama/full_single_device");
    String folder = "checkpointer.checkpoint_dir=" + run.model();
    String to = "output_dir=" + run.out();
    String dataset = ids();
    assertEquals(
        0, tune(with(full, folder, to, dataset, "~tokenizer", "dtype=fp32", "threads=2")), err);
    assertTrue(Files.exists(run.out().resolve("epoch_0/model.safetensors")), out);
  }

  @Test
  void validatePlanAndInspect_withoutATokenizer_work() throws IOException {
    String dataset = ids();
    Files.delete(run.model().resolve("tokenizer.json"));
    String folder = "checkpointer.checkpoint_dir=" + run.model();
    assertEquals(0, tune(List.of("validate", CONFIG, folder, dataset, "~tokenizer")), err);
    List<String> plan = List.of("plan", "--config", CONFIG, folder, dataset, "~tokenizer");
    assertEquals(0, tune(with(plan, "backend=javacpp")), err);
    assertTrue(!out.contains("cannot be read") && out.contains("weights"), out);

    List<String> inspect = List.of("data", "inspect", "--config", CONFIG, dataset, "~tokenizer");
    assertEquals(0, tune(with(inspect, "--rows", "1")), err);
    String first = Files.readAllLines(dir.resolve("ids.jsonl")).get(0);
    JsonNode ids = new ObjectMapper().readTree(first).get("input_ids");
    assertTrue(out.startsWith("--- 1: %d tokens, ".formatted(ids.size())), out);
    String shown = out.lines().toList().get(1).replaceAll("[\\[\\]]", "").strip();
    assertEquals(ids.toString().replaceAll("[\\[\\]]", ""), shown.replaceAll(" +", ","));
    assertTrue(out.contains("[["), out);
  }

  @Test
  void textRows_withoutATokenizer_areRefusedBeforeAnythingIsRead() throws IOException {
    String folder = "checkpointer.checkpoint_dir=" + run.model();
    assertEquals(2, tune(List.of("validate", CONFIG, folder, "~tokenizer")));
    assertEquals(
        CONFIG
            + ":LINE: dataset holds text and there is no tokenizer; add a section tokenizer, such as {_component_: hf_tokenizer}",
        err.replaceFirst(":\\d+(:\\d+)?:", ":LINE:"));
    assertEquals(
        2,
        tune(List.of("validate", CONFIG, folder, ids(), "~tokenizer", "sample_prompts=[Hello]")));
    assertEquals(
        "override 'sample_prompts=[Hello]': sample_prompts holds text and there is no tokenizer; add a section tokenizer, such as {_component_: hf_tokenizer}",
        err);
  }
}

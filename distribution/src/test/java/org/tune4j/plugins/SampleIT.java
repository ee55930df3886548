package org.tune4j.plugins;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.hub.HubSettings;
import org.tune4j.inference.InferenceModel;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.PackedRows;
import org.tune4j.nn.Pass;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.wiring.Wiring;

/**
 * A sample project of {@code docs}: built by Maven as a third party builds it, then used from the
 * command line. Each backend has an execution to itself; the first builds.
 */
abstract class SampleIT {
  static final String BACKEND = System.getProperty("tune4j.test.backend", "javacpp");

  @TempDir Path dir;
  final Path project;
  final Path jar;
  private String said = "";

  /** A folder of {@code docs} and its jar's name. */
  SampleIT(String name, String jar) {
    project = MavenProject.folder(name);
    this.jar = project.resolve("target/" + jar);
  }

  @BeforeEach
  void build() throws IOException, InterruptedException {
    Path name = project.getFileName();
    Path built = project.resolve("target/built-for-" + ProcessHandle.current().pid());
    if (BACKEND.equals("javacpp") && Files.notExists(built)) {
      MavenProject.copy(name.toString());
      MavenProject.build(name.toString());
      Files.createFile(built);
    }
  }

  /** What a command prints; it must succeed. */
  String tune(Object... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(out, true, UTF_8);
    List<String> all = new ArrayList<>(Arrays.stream(args).map(Object::toString).toList());
    all.addAll(List.of("--plugin", jar.toString()));
    int code =
        Tune.execute(
            Wiring.of(
                Backends::installed,
                ComponentRegistry::installed,
                new PluginSearch(null),
                HubSettings::ofProcess,
                new Terminal(to, false)),
            all.toArray(String[]::new),
            to,
            new PrintStream(err, true, UTF_8));
    assertEquals(0, code, () -> out.toString(UTF_8) + err.toString(UTF_8));
    return out.toString(UTF_8);
  }

  /** Trains with the project's config on the tiny rows. */
  Path train(Path model, String out, String... more) throws IOException {
    Path folder = dir.resolve(out);
    List<Object> args = new ArrayList<>();
    args.addAll(List.of("run", "lora_finetune_single_device", "--config", config()));
    args.add("checkpointer.checkpoint_dir=" + model);
    args.add("dataset.data_files=" + TinyRun.in(dir).rows());
    args.addAll(List.of("output_dir=" + folder, "threads=2", "backend=" + BACKEND));
    args.addAll(List.of(more));
    said = tune(args.toArray());
    assertTrue(said.contains("saved "), said);
    return folder;
  }

  private Path config() throws IOException {
    try (Stream<Path> files = Files.list(project)) {
      return files.filter(f -> f.toString().endsWith(".yaml")).findFirst().orElseThrow();
    }
  }

  /** The logits of some tokens, by a model that the plugin makes known. */
  double[] logits(Path model, @Nullable Path adapter, int... tokens) {
    PluginSearch search = new PluginSearch(null);
    search.add(List.of(jar));
    try (Plugins plugins = search.load();
        Engine engine = Backends.installed().open(BACKEND, BackendOptions.DEFAULT);
        TensorScope scope = engine.openScope();
        InferenceModel opened =
            InferenceModel.open(
                plugins.over(ModelRegistry.installed()),
                model,
                List.of(),
                null,
                engine,
                DType.FP32)) {
      Pass pass = Pass.evaluation(engine, scope);
      return opened.with(adapter).logits(pass, PackedRows.of(tokens)).toDoubles();
    }
  }

  /** What a prompt is answered with, as JSON. */
  String generate(Object... more) {
    List<Object> args = new ArrayList<>(List.of("generate", "--prompt", "one", "--json"));
    args.addAll(List.of("--max-new-tokens", 8, "--dtype", "fp32", "--backend", BACKEND));
    args.addAll(List.of(more));
    return tune(args.toArray()).replaceFirst(",\"seconds\":[^,}]*", "");
  }

  /** A run of two epochs that goes on to four has the metrics of one of four. */
  List<JsonNode> assertResumes(Path model) throws IOException {
    Path whole = train(model, "whole", "epochs=4");
    Path halves = train(model, "halves", "epochs=2");
    assertEquals(metrics(whole).subList(0, metrics(halves).size()), metrics(halves));
    halves = train(model, "halves", "epochs=4", "resume_from_checkpoint=true");
    assertTrue(said.contains("resuming from "), said);
    assertEquals(metrics(whole), metrics(halves));
    return metrics(whole);
  }

  /** The metrics but for times and memory. */
  static List<JsonNode> metrics(Path out) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(out.resolve("logs/metrics.jsonl"))) {
      ObjectNode json = (ObjectNode) new ObjectMapper().readTree(line);
      lines.add(json.remove(List.of("seconds", "tokens_per_second", "rss_mb")));
    }
    return lines;
  }
}

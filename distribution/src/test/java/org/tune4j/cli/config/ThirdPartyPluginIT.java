package org.tune4j.cli.config;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.hub.HubSettings;
import org.tune4j.plugins.MavenProject;
import org.tune4j.plugins.PluginSearch;
import org.tune4j.spi.Backends;
import org.tune4j.wiring.Wiring;

/**
 * The sample plugin, and a project of {@code tune new recipe}, built by Maven from this build's
 * artefacts as a third party builds them, then run. Each backend has an execution to itself; the
 * first builds.
 */
class ThirdPartyPluginIT {
  private static final String BACKEND = System.getProperty("tune4j.test.backend", "javacpp");

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int tune(Object... args) {
    out.reset();
    err.reset();
    PrintStream to = new PrintStream(out, true, UTF_8);
    return Tune.execute(
        Wiring.of(
            Backends::installed,
            ComponentRegistry::installed,
            new PluginSearch(null),
            HubSettings::ofProcess,
            new Terminal(to, false)),
        Arrays.stream(args).map(Object::toString).toArray(String[]::new),
        to,
        new PrintStream(err, true, UTF_8));
  }

  /** A project's folder, built. */
  private Path build(String name) throws IOException, InterruptedException {
    Path project = MavenProject.folder(name);
    if (BACKEND.equals("javacpp")) {
      write(name);
      MavenProject.build(name);
    }
    return project;
  }

  private void write(String name) throws IOException {
    Path project = MavenProject.clear(name);
    if (name.equals("embedding_norm")) {
      for (String file : NewRecipeCommand.FILES) {
        Path target = project.resolve(file);
        Files.createDirectories(target.getParent());
        Files.copy(Path.of("../docs/sample-plugin").resolve(file), target);
      }
    } else {
      assertEquals(0, tune("new", "recipe", name, "--dir", project), err.toString(UTF_8));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"embedding_norm", "fresh"})
  void project_builtByMaven_trainsOneVector(String name, @TempDir Path dir) throws Exception {
    Path project = build(name);
    Path jar = project.resolve("target/" + name.replace('_', '-') + ".jar");
    assertEquals(0, tune("ls", "--plugin", jar), err.toString(UTF_8));
    assertTrue(out.toString(UTF_8).contains(name + "_table"), out.toString(UTF_8));
    assertFalse(out.toString(UTF_8).contains("PROBLEMS"), out.toString(UTF_8));

    TinyRun tiny = TinyRun.in(dir);
    Path config = project.resolve(name + ".yaml");
    assertEquals(
        0,
        tune(
            "run",
            name,
            "--config",
            config,
            "--plugin",
            jar,
            "checkpointer.checkpoint_dir=" + tiny.model(),
            "dataset.data_files=" + tiny.rows(),
            "output_dir=" + tiny.out(),
            "optimizer.lr=0.1",
            "epochs=8",
            "threads=2",
            "backend=" + BACKEND),
        err.toString(UTF_8));
    List<String> table = Files.readAllLines(tiny.out().resolve("loss.csv"));
    assertEquals(9, table.size(), table.toString());
    double first = Double.parseDouble(table.get(1).substring(2));
    double last = Double.parseDouble(table.get(8).substring(2));
    assertTrue(last < first - 0.01, table.toString());
    Path before = tiny.model().resolve("model.safetensors");
    Path after = tiny.out().resolve("epoch_0/model.safetensors");
    for (String weight : SafetensorsFile.open(before).entries().keySet()) {
      boolean same = Arrays.equals(bytes(before, weight), bytes(after, weight));
      assertEquals(!weight.equals("model.layers.0.input_layernorm.weight"), same, weight);
    }
  }

  private static byte[] bytes(Path file, String weight) throws IOException {
    SafetensorsFile.Entry e = SafetensorsFile.open(file).entry(weight);
    byte[] bytes = new byte[Math.toIntExact(e.length())];
    try (FileChannel in = FileChannel.open(file)) {
      assertEquals(bytes.length, in.read(java.nio.ByteBuffer.wrap(bytes), e.offset()));
    }
    return bytes;
  }
}

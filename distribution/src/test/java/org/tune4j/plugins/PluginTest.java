package org.tune4j.plugins;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.component.ComponentProvider;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.hub.HubSettings;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Backends;
import org.tune4j.wiring.Wiring;

/** Jars of third parties, found, checked, listed and run. No native library is needed. */
class PluginTest {
  @TempDir Path dir;
  private Path folder;
  private String out = "";
  private String err = "";

  @BeforeEach
  void makeFolder() throws IOException {
    folder = Files.createDirectory(dir.resolve("plugins"));
  }

  private int tune(Object... args) {
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(o, true, UTF_8);
    int code =
        Tune.execute(
            Wiring.of(
                () -> new Backends(List.of()),
                ComponentRegistry::installed,
                new PluginSearch(folder),
                HubSettings::ofProcess,
                new Terminal(to, false)),
            Arrays.stream(args).map(Object::toString).toArray(String[]::new),
            to,
            new PrintStream(e, true, UTF_8));
    out = o.toString(UTF_8).replace(dir.toString(), "DIR");
    err = e.toString(UTF_8).replace(dir.toString(), "DIR");
    return code;
  }

  private static PluginJar everyKind() throws IOException {
    return new PluginJar()
        .source(
            "com.example.every.EveryKind",
            Files.readString(Path.of("src/test/resources/plugins/EveryKind.java")))
        .service(ComponentProvider.class, "com.example.every.EveryKind")
        .service(BackendProvider.class, "com.example.every.EveryKind$Computing");
  }

  /** A recipe that prints a word. */
  private static PluginJar recipe(String type, String name) {
    return new PluginJar()
        .source(
            "com.example." + type,
            """
            package com.example;
            import java.util.List;
            import org.tune4j.component.*;
            import org.tune4j.recipe.*;
            public final class %1$s implements Recipe {
              @Component("%2$s") public %1$s(@Default("1") int times) {}
              public void run(RunContext context) { context.out().println("%1$s ran"); }
              public static final class Provider implements ComponentProvider {
                public List<Class<?>> components() { return List.of(%1$s.class); }
              }
            }
            """
                .formatted(type, name))
        .service(ComponentProvider.class, "com.example." + type + "$Provider");
  }

  private Path config(String text) throws IOException {
    Path file = dir.resolve("my.yaml");
    Files.writeString(file, text);
    return file;
  }

  /** The problems that {@code ls} ends with. */
  private List<String> problems() {
    assertEquals(0, tune("ls"), err);
    assertEquals("", err);
    List<String> lines = out.lines().toList();
    int at = lines.indexOf("PLUGIN PROBLEMS");
    return at < 0 ? List.of() : lines.subList(at + 1, lines.size());
  }

  @Test
  void ls_withoutPlugins_saysNothingOfThem() {
    assertEquals(List.of(), problems());
    assertFalse(out.contains("PLUGIN"), out);
  }

  @Test
  void ls_everyKind_withItsOrigin() throws IOException {
    everyKind().write(folder.resolve("every.jar"));
    assertEquals(List.of(), problems());
    String jar = "DIR/plugins/every.jar";
    assertEquals(
        """
        PLUGIN COMPONENT  KIND               ORIGIN
        every_logger      metric logger      JAR
        every_loss        loss               JAR
        every_model       model builder      JAR
        every_optimizer   optimizer          JAR
        every_rows        data set           JAR
        every_schedule    lr schedule        JAR
        every_task        evaluation task    JAR
        every_transform   message transform  JAR
        hello             recipe             JAR
        every_backend     backend            JAR
        """
            .replace("JAR", jar),
        out.substring(out.indexOf("PLUGIN COMPONENT")));
    assertEquals(0, tune("backends"), err);
    assertTrue(out.contains("\nevery_backend  1        yes"), out);
  }

  @Test
  void run_everyKindInOneRun_eachDoesItsPart() throws IOException {
    Path jar = everyKind().write(dir.resolve("every.jar"));
    TinyRun tiny = TinyRun.in(dir);
    Files.writeString(dir.resolve("qa.jsonl"), "{\"q\": \"a\", \"a\": \"one two\"}\n");
    List<String> args =
        new ArrayList<>(
            List.of(
                tiny.command(
                    "backend=every_backend",
                    "~model",
                    "model._component_=every_model",
                    "~dataset",
                    "dataset._component_=every_rows",
                    "dataset.ids=[5,6,7,8]",
                    "~dataset_val",
                    "dataset_val._component_=sft_dataset",
                    "dataset_val.message_transform=every_transform",
                    "dataset_val.data_files=" + dir.resolve("qa.jsonl"),
                    "~optimizer",
                    "optimizer._component_=every_optimizer",
                    "optimizer.lr=0.25",
                    "~lr_scheduler",
                    "lr_scheduler=every_schedule",
                    "metric_logger._component_=every_logger",
                    "metric_logger.file=" + dir.resolve("lines"),
                    "epochs=2")));
    args.removeIf(
        a ->
            a.matches(
                "(dataset\\.data_files|optimizer\\.lr=1e|lr_scheduler\\.num|lora_attn|apply_lora).*"));
    args.addAll(List.of("--plugin", jar.toString()));
    assertEquals(0, tune(args.toArray()), err);
    JsonNode plain = metrics(0);
    assertEquals("step 1\nstep 2\nFINISHED\n", Files.readString(dir.resolve("lines")));
    assertEquals(0.125, plain.get("lr").asDouble());
    assertEquals(4, plain.get("tokens").asInt());
    assertTrue(plain.get("val_loss").asDouble() > 0, plain.toString());
    assertTrue(metrics(1).get("loss").asDouble() < plain.get("loss").asDouble(), plain.toString());

    args.addAll(List.of("~loss", "loss=every_loss", "--overwrite"));
    assertEquals(0, tune(args.toArray()), err);
    assertEquals(2 * plain.get("loss").asDouble(), metrics(0).get("loss").asDouble(), 1e-6);
    assertEquals(
        2 * plain.get("grad_norm").asDouble(), metrics(0).get("grad_norm").asDouble(), 1e-6);
  }

  private JsonNode metrics(int step) throws IOException {
    return new ObjectMapper()
        .readTree(Files.readAllLines(dir.resolve("out/logs/metrics.jsonl")).get(step));
  }

  @Test
  void run_recipeAndBackend_ofANamedJar() throws IOException {
    Path jar = everyKind().write(dir.resolve("every.jar"));
    Path config = config("greeting: Hello\n");
    assertEquals(0, tune("run", "hello", "--config", config, "--plugin", jar), err);
    assertEquals("Hello from every_backend\n", out);
    assertEquals("", err);
    assertEquals(0, tune("validate", config, "--recipe", "hello", "--plugin", jar), err);
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right on Windows")
  void jar_inAFolderThatWasOnlyNamed_isNotLoaded() throws IOException {
    TinyRun tiny = TinyRun.in(dir);
    Path rows = Files.createDirectory(dir.resolve("rows"));
    String trap = "com.example.Trap";
    PluginJar jar =
        new PluginJar()
            .source(
                trap,
                """
                package com.example;
                import java.util.List;
                public final class Trap implements org.tune4j.component.ComponentProvider {
                  static { System.setProperty("tune4j.test.trap", "ran"); }
                  public List<Class<?>> components() { return List.of(); }
                }
                """)
            .service(ComponentProvider.class, trap);
    for (Path named : List.of(dir, rows, tiny.model())) {
      jar.write(named.resolve("trap.jar"));
    }
    Path config = config("dataset: {data_files: rows/rows.json}\n");
    Path link = Files.createSymbolicLink(rows.resolve("link.yaml"), config);
    for (Path file : List.of(config, link)) {
      tune("validate", file, "--recipe", "lora_finetune_single_device");
      tune("plan", "--config", file, "--recipe", "lora_finetune_single_device");
      tune("data", "inspect", "--config", file, "dataset.data_files=" + rows);
      tune("run", "lora_finetune_single_device", "--config", file);
    }
    tune("ls");
    tune("eval", "--model", tiny.model(), "--tasks", "perplexity", "--data", rows);
    assertEquals(null, System.getProperty("tune4j.test.trap"));
    assertEquals(0, tune("ls", "--plugin", dir.resolve("trap.jar")), err);
    assertEquals("ran", System.getProperty("tune4j.test.trap"));
  }

  @Test
  void eval_task_scores() throws IOException {
    Path jar = everyKind().write(dir.resolve("every.jar"));
    Path rows =
        Files.writeString(dir.resolve("texts.jsonl"), "{\"text\": \"a\"}\n{\"text\": \"b\"}\n");
    Object[] command = {
      "eval",
      "--model",
      TinyRun.in(dir).model(),
      "--tasks",
      "every_task",
      "--data",
      rows,
      "--dtype",
      "fp32",
      "--backend",
      "every_backend",
      "--plugin",
      jar
    };
    assertEquals(0, tune(command), err);
    assertTrue(out.contains("every_task  rows    2.0000"), out);
  }

  @Test
  void run_taskOfAPlugin_scoresInTrainingAndAfterIt() throws IOException {
    Path jar = everyKind().write(dir.resolve("every.jar"));
    TinyRun tiny = TinyRun.in(dir);
    Path texts =
        Files.writeString(dir.resolve("texts.jsonl"), "{\"text\": \"a\"}\n{\"text\": \"b\"}\n");
    List<Object> training =
        new ArrayList<>(
            List.of(
                tiny.command(
                    "backend=every_backend",
                    "epochs=2",
                    "eval_tasks=[every_task]",
                    "eval_data=" + texts,
                    "run_eval_every_n_steps=2")));
    training.addAll(List.of("--plugin", jar));
    assertEquals(0, tune(training.toArray()), err);
    assertFalse(metrics(0).has("eval_every_task_rows"), metrics(0).toString());
    assertEquals(2, metrics(1).get("eval_every_task_rows").asDouble());

    assertEquals(
        0,
        tune(
            "run",
            "eleuther_eval",
            "--config",
            "eleuther_evaluation",
            "--plugin",
            jar,
            "checkpointer.checkpoint_dir=" + tiny.model(),
            "backend=every_backend",
            "tasks=[every_task]",
            "data=" + texts,
            "output_dir=" + tiny.out()),
        err);
    assertTrue(out.contains("every_task           rows             2.0000"), out);

    training.addAll(List.of("eval_tasks=[every_tusk]", "--overwrite"));
    assertEquals(2, tune(training.toArray()));
    assertTrue(err.contains(": task 'every_tusk' is not known; there are "), err);
  }

  @Test
  void plugin_ofAnotherApi_isLeftOutBeforeAClassIsLoaded() throws IOException {
    String boom = "com.example.Boom";
    String text =
        """
        package com.example;
        import java.util.List;
        public final class Boom implements org.tune4j.component.ComponentProvider {
          static { System.setProperty("tune4j.test.boom", "loaded"); }
          public List<Class<?>> components() { return List.of(); }
        }
        """;
    PluginJar jar = new PluginJar().source(boom, text).service(ComponentProvider.class, boom);
    jar.api("2").write(folder.resolve("new.jar"));
    jar.api(null).write(folder.resolve("silent.jar"));
    recipe("Works", "works").write(folder.resolve("works.jar"));
    assertEquals(
        List.of(
            "plugin DIR/plugins/new.jar is skipped: it is built for version 2, expected"
                + " 'Tune4J-Api: 1' in its manifest; get a build for this version",
            "plugin DIR/plugins/silent.jar is skipped: its manifest does not say what it is built"
                + " for, expected 'Tune4J-Api: 1' in its manifest; add that line"),
        problems());
    assertEquals(null, System.getProperty("tune4j.test.boom"));
    assertTrue(out.contains("\nworks             recipe  DIR/plugins/works.jar\n"), out);
    assertEquals(0, tune("run", "works", "--config", config("times: 1\n")), err);
    assertEquals("Works ran\n", out);
    assertTrue(
        err.startsWith("tune: warning: plugin DIR/plugins/new.jar is skipped: it is built"), err);
  }

  @Test
  void plugin_duplicates_areLeftOutWithBothOrigins() throws IOException {
    recipe("First", "mine").write(folder.resolve("a.jar"));
    recipe("Second", "mine").write(folder.resolve("b.jar"));
    recipe("Third", "adamw").write(folder.resolve("c.jar"));
    recipe("Fourth", "torch.optim.AdamW").write(folder.resolve("d.jar"));
    everyKind().write(folder.resolve("e.jar"));
    new PluginJar()
        .source(
            "com.example.every.EveryKind",
            Files.readString(Path.of("src/test/resources/plugins/EveryKind.java")))
        .service(BackendProvider.class, "com.example.every.EveryKind$Computing")
        .write(folder.resolve("f.jar"));
    assertEquals(
        List.of(
            "plugin DIR/plugins/b.jar: component 'mine' is skipped: DIR/plugins/a.jar has one of"
                + " that name, com.example.First; rename the plugin's",
            "plugin DIR/plugins/c.jar: component 'adamw' is skipped: Tune4J has one of that name,"
                + " org.tune4j.optim.AdamW; rename the plugin's",
            "plugin DIR/plugins/d.jar: component 'torch.optim.AdamW' is skipped: Tune4J has one of"
                + " that name, org.tune4j.optim.AdamW; rename the plugin's",
            "plugin DIR/plugins/f.jar: backend 'every_backend' is skipped: there is one of that"
                + " name, com.example.every.EveryKind$Computing; rename the plugin's"),
        problems());
    assertEquals(0, tune("run", "mine", "--config", config("times: 1\n")), err);
    assertEquals("First ran\n", out);
  }

  @Test
  void plugin_brokenInEveryWay_isNamedAndTheRestWorks() throws IOException {
    Files.writeString(folder.resolve("a.jar"), "no jar");
    new PluginJar().write(folder.resolve("b.jar"));
    new PluginJar()
        .service(ComponentProvider.class, "com.example.Absent")
        .write(folder.resolve("c.jar"));
    recipe("Nameless", "nameless").withoutParameterNames().write(folder.resolve("d.jar"));
    recipe("Needy", "needy")
        .source("com.example.Needed", "package com.example; public class Needed {}")
        .source(
            "com.example.More",
            "package com.example; public class More { @org.tune4j.component.Component(\"more\")"
                + " public More(Needed n) {} }")
        .source(
            "com.example.All",
            """
            package com.example;
            public class All implements org.tune4j.component.ComponentProvider {
              public java.util.List<Class<?>> components() { return java.util.List.of(More.class, Needy.class); }
            }
            """)
        .service(ComponentProvider.class, "com.example.All")
        .without("com/example/Needed.class")
        .without("com/example/Needy$Provider.class")
        .write(folder.resolve("e.jar"));
    new PluginJar()
        .source(
            "com.example.Throwing",
            """
            package com.example;
            public class Throwing implements org.tune4j.component.ComponentProvider {
              public Throwing() { throw new IllegalStateException("no licence"); }
              public java.util.List<Class<?>> components() { return java.util.List.of(); }
            }
            """)
        .service(ComponentProvider.class, "com.example.Throwing")
        .write(folder.resolve("f.jar"));
    String service = "org.tune4j.component.ComponentProvider";
    assertEquals(
        List.of(
            "plugin DIR/plugins/a.jar is skipped: it is not a readable jar: zip END header"
                + " not found",
            "plugin DIR/plugins/b.jar is skipped: it contains nothing; its jar needs"
                + " META-INF/services/org.tune4j.component.ComponentProvider or"
                + " META-INF/services/org.tune4j.spi.BackendProvider or"
                + " META-INF/services/org.tune4j.models.ModelFamily or"
                + " META-INF/services/org.tune4j.adapters.AdapterType",
            "plugin DIR/plugins/c.jar: "
                + service
                + ": Provider com.example.Absent not found; rebuild it with its dependencies in the"
                + " jar",
            "plugin DIR/plugins/e.jar: "
                + service
                + ": Provider com.example.Needy$Provider not found; rebuild it with its dependencies in"
                + " the jar",
            "plugin DIR/plugins/f.jar: "
                + service
                + ": Provider com.example.Throwing could not be instantiated"
                + " (java.lang.IllegalStateException: no licence); rebuild it with its dependencies in"
                + " the jar",
            "plugin DIR/plugins/d.jar: component 'nameless' is skipped: com.example.Nameless was"
                + " compiled without parameter names, which are the config's keys; compile with"
                + " `javac -parameters`",
            "plugin DIR/plugins/e.jar: class com.example.More cannot be loaded:"
                + " java.lang.NoClassDefFoundError: com/example/Needed; rebuild it with its"
                + " dependencies in the jar"),
        problems());
    assertEquals(0, tune("run", "needy", "--config", config("times: 1\n")), err);
    assertEquals("Needy ran\n", out);
  }

  @Test
  void plugins_haveLoadersOfTheirOwn() throws IOException {
    recipe("Same", "one").write(folder.resolve("a.jar"));
    recipe("Same", "two").write(folder.resolve("b.jar"));
    assertEquals(List.of(), problems());
    assertTrue(out.contains("one               recipe  DIR/plugins/a.jar"), out);
    assertTrue(out.contains("two               recipe  DIR/plugins/b.jar"), out);
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right on Windows")
  void plugin_foundTwice_countsOnce() throws IOException {
    Path jar = recipe("Works", "works").write(folder.resolve("works.jar"));
    Files.createSymbolicLink(dir.resolve("link.jar"), jar);
    Path config = config("times: 1\n");
    assertEquals(0, tune("run", "works", "--config", config, "--plugin", jar), err);
    assertEquals("", err);
  }

  @Test
  void plugin_thatIsNoFile_isAWrongCommand() throws IOException {
    assertEquals(2, tune("run", "works", "--config", config("times: 1\n"), "--plugin", "no.jar"));
    assertEquals("tune: plugin no.jar is not a file; correct --plugin, which takes a jar\n", err);
  }
}

package org.tune4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.spi.Availability;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Backends;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.wiring.Wiring;
import picocli.CommandLine;

class TuneTest {
  @TempDir Path folder;
  private Path config;
  private String out = "";
  private String err = "";

  @BeforeEach
  void write() throws IOException {
    config = folder.resolve("my.yaml");
    Files.writeString(config, "# tune run fake_recipe --config my\nsteps: 3\n");
  }

  private int tune(Object... args) {
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream so = new PrintStream(o, true, StandardCharsets.UTF_8);
    PrintStream se = new PrintStream(e, true, StandardCharsets.UTF_8);
    int code =
        Tune.execute(
            Wiring.of(
                () -> new Backends(List.of(new Fake("quick", true), new Fake("absent", false))),
                () -> new ComponentRegistry(List.of(new FakeRecipe.Provider())),
                new Terminal(so, false)),
            List.of(args).stream().map(Object::toString).toArray(String[]::new),
            so,
            se);
    out = o.toString(StandardCharsets.UTF_8).replace(folder.toString(), "DIR");
    err = e.toString(StandardCharsets.UTF_8).replace(folder.toString(), "DIR");
    return code;
  }

  private void fails(int code, String text, Object... args) {
    assertEquals(code, tune(args), out + err);
    assertEquals(text + "\n", err);
    assertEquals("", out);
  }

  /** Names from a file that somebody else wrote. */
  @Test
  void errorLine_ofANameWithControlCharacters_isOneLineWithoutThem() throws IOException {
    Files.writeString(
        config, "# tune run fake_recipe --config my\nsteps: 3\n\"\\e[2Jst\\nops\": 1\n");
    assertEquals(2, tune("validate", config), out);
    assertEquals(1, err.lines().count(), err);
    assertTrue(err.contains("\\u001b[2Jst ops"), err);
    assertEquals(2, tune("validate", config, "\u001b]0;x\u0007=1"), out);
    assertFalse(err.contains("\u001b") || err.contains("\u0007"), err);
    assertEquals(2, tune("\u001b[31m"), out);
    assertFalse(err.contains("\u001b"), err);
  }

  @Test
  void generatedText_isFilteredWhereAPersonWatches() {
    PrintStream none = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    String text = "a\u001b[2Jb\n\tc\u009b";
    assertEquals("a\\u001b[2Jb\n\tc\\u009b", new Terminal(none, true).shown(text));
    assertEquals(text, new Terminal(none, false).shown(text));
  }

  @Test
  void noCommand_showsHelp() {
    assertEquals(2, tune());
    String help = err;
    assertEquals("", out);
    assertTrue(help.startsWith("Usage: tune "), help);
    assertTrue(help.contains("Examples:"), help);
    assertEquals(0, tune("--help"));
    assertEquals(help, out);
    assertEquals("", err);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "run",
        "ls",
        "cp",
        "cat",
        "validate",
        "migrate",
        "dashboard",
        "plot",
        "backends",
        "env"
      })
  void help_ofEveryCommand(String command) {
    assertEquals(0, tune(command, "--help"), err);
    assertTrue(out.startsWith("Usage: tune " + command), out);
  }

  /** Text that is cut by hand is cut again where it is shown. */
  @Test
  void help_ofEveryCommand_breaksLinesOnlyWhereTheyAreFull() {
    CommandLine.IFactory factory = Wiring.installed(System.out);
    Deque<CommandLine> commands = new ArrayDeque<>(List.of(new CommandLine(Tune.class, factory)));
    int seen = 0;
    while (!commands.isEmpty()) {
      CommandLine command = commands.pop();
      commands.addAll(command.getSubcommands().values());
      List<String> lines = command.getUsageMessage().lines().toList();
      for (int i = 0; i + 1 < lines.size(); i++) {
        String line = lines.get(i);
        String next = lines.get(i + 1);
        if (!next.matches("\\S.*") || !line.matches("(?!Usage)\\S.*[^.:]")) {
          continue;
        }
        assertTrue(line.length() + 1 + next.split(" ", 2)[0].length() >= 80, line + "\n" + next);
        seen++;
      }
    }
    assertTrue(seen > 5, "texts of several lines: " + seen);
  }

  @Test
  void version_namesProjectAndJava() {
    assertEquals(0, tune("--version"));
    assertTrue(out.matches("(?s)Tune4J \\d+\\.\\d+\\.\\d+\\S*\\nJava .*\\n"), out);
  }

  @Test
  void run_givesTheRecipeTheResolvedConfig() {
    assertEquals(0, tune("run", "fake_recipe", "--config", config, "steps=7"), err);
    assertEquals("ran 7 steps\n# tune run fake_recipe --config THIS_FILE\nsteps: 7\n", out);
    assertEquals("", err);
  }

  @Test
  void run_deletedKey_takesTheDefault() {
    fails(
        2,
        "DIR/my.yaml:2:1: key 'steps' is missing; expected an integer",
        "run",
        "fake_recipe",
        "--config",
        config,
        "~steps");
  }

  @Test
  void run_torchrunOptionsOfOneProcess_areAccepted() {
    assertEquals(
        0,
        tune(
            "run",
            "--nnodes",
            "1",
            "--nproc_per_node=1",
            "--rdzv_endpoint",
            "localhost:0",
            "--master-port=29500",
            "--standalone",
            "fake_recipe",
            "--config",
            config),
        err);
    assertTrue(out.startsWith("ran 3 steps"), out);
  }

  @ParameterizedTest
  @ValueSource(strings = {"--nnodes", "--nproc_per_node"})
  void run_severalRanksOfARecipeForOne_areRefused(String option) {
    fails(
        2,
        "tune: recipe fake_recipe runs on one rank, 2 were requested; start one",
        "run",
        option,
        "2",
        "fake_recipe",
        "--config",
        config);
  }

  @Test
  void run_wrongTorchrunOptions_areRefused() {
    for (String nodes : List.of("3:2", "1:2:3")) {
      fails(
          2,
          "tune: --nnodes is %s, expected N or MIN:MAX".formatted(nodes),
          "run",
          "--nnodes=" + nodes,
          "fake_recipe",
          "--config",
          config);
    }
    for (String nodes : List.of("0:2", "2:", "few")) {
      fails(
          2,
          "tune: --nnodes is %s, expected 1 or more".formatted(nodes),
          "run",
          "--nnodes=" + nodes,
          "fake_recipe",
          "--config",
          config);
    }
    fails(
        2,
        "tune: --nproc_per_node is none, expected 1 or more",
        "run",
        "--nproc_per_node=none",
        "fake_recipe",
        "--config",
        config);
  }

  @Test
  void run_unknownRecipe_namesTheNearest() {
    fails(
        2,
        "tune: recipe 'fake_recipes' is not known; did you mean 'fake_recipe'?; there are"
            + " fake_recipe",
        "run",
        "fake_recipes",
        "--config",
        config);
  }

  @Test
  void run_withoutConfig_says() {
    fails(
        2,
        "tune: no config was given; write tune run [RECIPE] --config NAME_OR_FILE [key=value ...]",
        "run",
        "fake_recipe");
    fails(
        2,
        "tune: no config was given; write tune run [RECIPE] --config NAME_OR_FILE [key=value ...]",
        "run",
        "steps=2");
  }

  @Test
  void run_withoutRecipe_takesTheOneOfTheComments() {
    assertEquals(0, tune("run", "--config", config, "steps=2"), err);
    assertTrue(out.startsWith("ran 2 steps"), out);
    assertEquals(0, tune("run", config, "steps=4", "fail=none"), err);
    assertTrue(out.startsWith("ran 4 steps"), out);
    assertEquals(0, tune("run", config), err);
    assertTrue(out.startsWith("ran 3 steps"), out);
  }

  @Test
  void run_withoutRecipeWhereTheCommentsNameNone_says() throws IOException {
    Files.writeString(config, "steps: 3\n");
    fails(
        2,
        "tune: config 'DIR/my.yaml' does not say which recipe it is for; name one of fake_recipe",
        "run",
        config);
  }

  @Test
  void run_badOverride_says() {
    fails(
        2,
        "tune: override 'oops' is neither KEY=VALUE nor ~KEY",
        "run",
        "fake_recipe",
        "--config",
        config,
        "oops");
  }

  @Test
  void run_inputUnusable_isOneLineAndCode1() {
    fails(
        1,
        "tune: rows.json is empty second line",
        "run",
        "fake_recipe",
        "--config",
        config,
        "fail=input");
  }

  @Test
  void run_defect_isOneLineAndCode1() {
    fails(
        1,
        "tune: internal error: java.lang.IllegalStateException: the sum is wrong; run again with"
            + " --stacktrace and report it",
        "run",
        "fake_recipe",
        "--config",
        config,
        "fail=internal");
  }

  @Test
  void run_heapFull_saysWhatToGive() {
    fails(
        1,
        "tune: out of memory: Java heap space, with a Java heap of at most %d MiB; give it more"
                .formatted(Runtime.getRuntime().maxMemory() >> 20)
            + " with TUNE_JAVA_OPTS=-Xmx4g",
        "run",
        "fake_recipe",
        "--config",
        config,
        "fail=memory");
  }

  @Test
  void stacktrace_onlyWhereAsked() {
    assertEquals(
        1, tune("run", "fake_recipe", "--config", config, "fail=internal", "--stacktrace"));
    assertTrue(err.contains("\tat org.tune4j.cli.FakeRecipe.run"), err);
    assertEquals(1, tune("--stacktrace", "run", "fake_recipe", "--config", config, "fail=input"));
    assertTrue(err.contains("\tat org.tune4j.cli.FakeRecipe.run"), err);
  }

  @Test
  void unknownCommandAndOption_nameTheNearest() {
    fails(
        2,
        "tune: command 'vaildate' is not known; did you mean 'validate'?; there are run, ls, cp,"
            + " cat, reference, validate, migrate, generate, chat, eval, logits, merge, merge-adapters, convert, serve, download, push, plan,"
            + " data, dashboard, plot, new, backends, env; see `tune --help`",
        "vaildate");
    fails(
        2,
        "tune: option '--confg' is not known; did you mean '--config'?; see `tune run --help`",
        "run",
        "fake_recipe",
        "--config",
        config,
        "--confg=x");
  }

  @Test
  void cat_printsTheConfigAsItIs() throws IOException {
    assertEquals(0, tune("cat", config), err);
    assertEquals(Files.readString(config), out);
    fails(2, "tune: tune cat needs NAME_OR_FILE; see `tune cat --help`", "cat");
    fails(2, "tune: argument 'b' is unexpected; see `tune cat --help`", "cat", config, "b");
  }

  @Test
  void cat_unknownConfig_says() {
    assertEquals(2, tune("cat", folder.resolve("nothing.yaml")));
    assertTrue(err.startsWith("tune: config 'DIR/nothing.yaml' is neither a file nor a name"), err);
    assertEquals(1, err.lines().count(), err);
  }

  @Test
  void cp_copiesOnceAndOverOnlyWithForce() throws IOException {
    Path copy = folder.resolve("copy.yaml");
    assertEquals(0, tune("cp", config, folder.resolve("copy")), err);
    assertEquals("copied DIR/my.yaml to DIR/copy.yaml\n", out);
    assertEquals(Files.readString(config), Files.readString(copy));

    Files.writeString(copy, "mine: 1\n");
    fails(2, "tune: DIR/copy.yaml exists; use --force to replace it", "cp", config, copy);
    assertEquals("mine: 1\n", Files.readString(copy));
    assertEquals(0, tune("cp", config, copy, "--force"), err);
    assertEquals(Files.readString(config), Files.readString(copy));
    try (var files = Files.list(folder)) {
      assertEquals(2, files.count());
    }
  }

  @Test
  void cp_intoFolder_keepsTheName() throws IOException {
    Path inside = Files.createDirectory(folder.resolve("inside"));
    assertEquals(0, tune("cp", config, inside), err);
    assertTrue(Files.exists(inside.resolve("my.yaml")));
  }

  @Test
  void cp_folderMissing_says() {
    Path deep = folder.resolve("a").resolve("b.yaml");
    fails(
        2,
        "tune: folder DIR/a does not exist; create it or use --make-parents",
        "cp",
        config,
        deep);
    assertFalse(Files.exists(deep));
    assertEquals(0, tune("cp", config, deep, "--make-parents"), err);
    assertTrue(Files.exists(deep));
  }

  @Test
  void validate_goodConfig_saysForWhat() {
    assertEquals(0, tune("validate", config), err);
    assertEquals("DIR/my.yaml: valid for fake_recipe\n", out);
    assertEquals(0, tune("validate", config, "--recipe", "fake_recipe", "steps=4"), err);
  }

  @Test
  void validate_badConfig_saysEverythingAtOnce() throws IOException {
    Files.writeString(config, "stepz: 3\nsteps: many\noutput_dir: [a]\n");
    fails(
        2,
        """
        DIR/my.yaml:1:8: key 'stepz' is not known; did you mean 'steps'?; accepted are \
        steps, fail, output_dir
        DIR/my.yaml:2:8: key 'steps' is 'many', expected an integer
        DIR/my.yaml:3:13: key 'output_dir' is a list, expected a path\
        """,
        "validate",
        config,
        "--recipe",
        "fake_recipe");
  }

  @Test
  void validate_recipeThatIsNotThere_isNamed() throws IOException {
    Files.writeString(config, "# tune run my_recipe --config my.yaml\nsteps: 3\n");
    fails(
        2,
        "tune: config 'DIR/my.yaml' is for recipe 'my_recipe', which is not known; name its plugin"
            + " with --plugin, or name one of fake_recipe",
        "validate",
        config);
    Files.writeString(config, "steps: 3\n");
    fails(
        2,
        "tune: config 'DIR/my.yaml' does not say which recipe it is for; name one of"
            + " fake_recipe",
        "validate",
        config);
  }

  @Test
  void ls_listsRecipesAndConfigs() {
    assertEquals(0, tune("ls"), err);
    assertTrue(out.startsWith("RECIPE       CONFIG\nfake_recipe  "), out);
  }

  @Test
  void backends_listsWithoutOpening() {
    assertEquals(0, tune("backends"), err);
    assertEquals(
        """
        NAME    VERSION  AVAILABLE               DEVICES      DTYPES      CAPABILITIES
        quick   1.2      yes                     cpu, cuda:0  fp32, bf16  bf16, CUDA devices
        absent  1.2      no: add the jar absent  -            fp32, bf16  bf16, CUDA devices

        """,
        out.substring(0, out.indexOf("On this CPU")));
    assertTrue(out.matches("(?s).*\nOn this CPU \\(.+\\): dtype bf16.*, dtype fp16.*\n"), out);
  }

  @Test
  void env_outsideTheLauncher_saysSo() {
    assertEquals(0, tune("env"), err);
    assertTrue(out.contains("OMP_WAIT_POLICY"), out);
    assertTrue(out.contains("was not started by ./tune"), out);
  }

  private record Fake(String name, boolean there) implements BackendProvider {
    @Override
    public String version() {
      return "1.2";
    }

    @Override
    public Availability availability() {
      return there
          ? Availability.yes(List.of(Device.CPU, new Device(Device.Type.CUDA, 0)))
          : Availability.no("add the jar absent");
    }

    @Override
    public Set<Capability> capabilities() {
      return EnumSet.of(Capability.CUDA, Capability.BF16);
    }

    @Override
    public Set<DType> dtypes() {
      return EnumSet.of(DType.BF16, DType.FP32);
    }

    @Override
    public Backend open(BackendOptions options) {
      throw new AssertionError("opened " + name);
    }
  }
}

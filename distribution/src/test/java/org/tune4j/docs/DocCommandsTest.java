package org.tune4j.docs;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.cli.Tune;
import org.tune4j.hub.StandInHub;
import org.tune4j.wiring.Wiring;
import picocli.CommandLine;

/**
 * Every command in the documents is typed as it stands, one after the other, in a folder where a
 * small model has the names of the large ones. What cannot be run is named here, with what is
 * checked instead; a command that no rule knows fails.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "the documents' commands are for a Linux shell")
@Tag("process")
class DocCommandsTest {
  private static final Path ROOT = Path.of("..");

  /** What is typed at {@code tune chat}. */
  private static final String TALK =
      "Where is Tom?\n/adapter out/epoch_0\nWhat is four plus three?\n/quit\n";

  /** What `...` leaves out where a document repeats itself. */
  private static final String REST =
      " checkpointer.checkpoint_dir=DIR dataset.data_files=FILE output_dir=out/ranks";

  private static final Set<String> GOALS =
      Set.of("verify", "test", "package", "install", "spotless:apply");

  @TempDir Path dir;
  private @Nullable StandInHub hub;
  private @Nullable DocFolder folder;
  private DocFolder.@Nullable Running server;

  private interface Check {
    void of(DocCommand command) throws Exception;
  }

  /** What is done about commands of a form. */
  private record Rule(Pattern form, Check check) {
    Rule(String form, Check check) {
      this(Pattern.compile(form), check);
    }
  }

  private final List<Rule> rules =
      List.of(
          // Maven builds the same project in ThirdPartyPluginIT.
          new Rule("\\./mvnw -q -f my_recipe/.*", c -> run("env -C my_recipe mvn package", "")),
          new Rule("\\./mvnw .*", this::namesWhatTheBuildHas),
          new Rule("docker build \\.", c -> dockerfileNamesWhatTheBuildMakes()),
          new Rule("(python|docs/memory\\.sh) .*", this::namesAScriptAndItsOptions),
          new Rule("(\\./)?tune (serve|dashboard)( .*)?", this::servesUntilTheBlockEnds),
          new Rule("curl http://127\\.0\\.0\\.1:8000/.*", this::asksTheServer),
          new Rule("(\\./)?tune chat .*", c -> run(c.text(), TALK)),
          new Rule("(\\./)?tune run --nnodes (2|1:2) .*", this::runsOnTwoMachines),
          new Rule("\\./tune download .*", this::fetchesAnew),
          new Rule("((\\./)?tune|torchrun|mvn|cd \\w+ && mvn|grep) .*", c -> run(c.text(), "")));

  private Check check(DocCommand command) {
    return rules.stream()
        .filter(r -> r.form().matcher(command.text()).matches())
        .map(Rule::check)
        .findFirst()
        .orElseThrow(
            () ->
                new AssertionError(
                    command + ": no rule runs this command; add one to DocCommandsTest"));
  }

  @AfterEach
  void stop() throws InterruptedException {
    stopServer();
    if (hub != null) {
      hub.close();
    }
  }

  private void stopServer() throws InterruptedException {
    if (server != null) {
      server.close();
      server = null;
    }
  }

  @TestFactory
  Stream<DynamicNode> everyCommandOfABlock_isRun() throws Exception {
    hub =
        new StandInHub()
            .folder(ROOT.resolve("quickstart/model"))
            .folder(DocFolder.truthfulQa(dir.resolve("truthfulqa")))
            .dataset("truthfulqa/truthful_qa")
            .repository("HuggingFaceTB/SmolLM2-135M-Instruct")
            .repository("meta-llama/Llama-2-7b-hf")
            .repository("ORG/NAME")
            .revision("v1.0");
    DocFolder f = DocFolder.in(dir, hub.endpoint().toString());
    folder = f;
    return DocCommand.documents().stream()
        .filter(d -> !DocCommand.fenced(d).isEmpty())
        .map(
            d -> {
              Stream<DynamicNode> commands =
                  DocCommand.fenced(d).stream()
                      .map(
                          c ->
                              dynamicTest(
                                  c.toString(),
                                  () -> {
                                    check(c).of(c);
                                    if (c.last()) {
                                      stopServer();
                                    }
                                  }));
              boolean fromThePath =
                  DocCommand.fenced(d).stream().noneMatch(c -> c.text().startsWith("./"));
              DynamicNode begin = dynamicTest("begin", () -> f.begin(d, fromThePath));
              return dynamicContainer(
                  ROOT.relativize(d).toString(), Stream.concat(Stream.of(begin), commands));
            });
  }

  @TestFactory
  Stream<DynamicNode> everyCommandInASentence_isOneThatIsThere() throws IOException {
    return DocCommand.documents().stream()
        .flatMap(d -> DocCommand.inline(d).stream())
        .map(
            c ->
                dynamicTest(
                    c.toString(),
                    () -> {
                      if (c.text().matches("(\\./)?tune .*")) {
                        parses(c.text());
                      } else {
                        check(c).of(c);
                      }
                    }));
  }

  @Test
  void commandWithoutARule_fails() {
    DocCommand unknown = wrong("make install");
    AssertionError e = assertThrows(AssertionError.class, () -> check(unknown));
    assertTrue(e.getMessage().startsWith("README.md:1 make install: no rule"), e.getMessage());
    assertThrows(AssertionError.class, () -> parses("./tune evaluate --model DIR"));
    assertThrows(AssertionError.class, () -> parses("./tune plot --smooth 1 out"));
    assertThrows(
        AssertionError.class, () -> check(wrong("./mvnw -Pnone")).of(wrong("./mvnw -Pnone")));
  }

  private static DocCommand wrong(String text) {
    return new DocCommand("README.md:1", text, true);
  }

  @Test
  void documents_haveCommands() throws IOException {
    List<DocCommand> all =
        DocCommand.documents().stream().flatMap(d -> DocCommand.fenced(d).stream()).toList();
    assertTrue(all.size() >= 30, all::toString);
    assertTrue(
        all.stream()
            .anyMatch(c -> c.text().contains("lora_alpha=64 \"lora_attn_modules=['q_proj'")),
        all::toString);
  }

  @Test
  void testCommand_isWhatCiRuns() throws IOException {
    String ci = Files.readString(ROOT.resolve(".ci/run"));
    String first =
        DocCommand.fenced(ROOT.resolve("README.md")).stream()
            .map(DocCommand::text)
            .filter(c -> c.startsWith("./mvnw"))
            .findFirst()
            .orElseThrow();
    assertTrue(ci.contains("\n" + first + " </dev/null\n"), first + " is not in .ci/run");
  }

  @Test
  void shellScripts_areWellFormed() throws Exception {
    for (String script : List.of("docs/memory.sh", "docs/cluster/tune.sbatch", "tune", "mvnw")) {
      Process shell =
          new ProcessBuilder("bash", "-n", ROOT.resolve(script).toString()).inheritIO().start();
      assertEquals(0, shell.waitFor(), script);
    }
    for (String file : List.of("docs/cluster/tune.sbatch", "docs/cluster/pytorchjob.yaml")) {
      Matcher config =
          Pattern.compile("--config[\", ]+([\\w./]+)")
              .matcher(Files.readString(ROOT.resolve(file)));
      assertTrue(config.find(), file);
      assertEquals("", tune("validate", config.group(1)));
    }
  }

  @Test
  void yamlBlocks_areSectionsOfAConfig() throws IOException {
    String shipped = "smollm2/135M_lora_single_device";
    for (Path document : DocCommand.documents()) {
      for (DocCommand.Block block : DocCommand.blocks(document, "yaml")) {
        Path config = dir.resolve("block.yaml");
        Files.deleteIfExists(config);
        assertEquals("", tune("cp", shipped, config.toString()));
        Files.writeString(config, Files.readString(config) + "\n" + block.text() + "\n");
        assertEquals("", tune("validate", config.toString()), document + ":" + block.line());
      }
    }
  }

  /** In this process; what it complains of. */
  private static String tune(String... args) {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    int code =
        Tune.execute(
            Wiring.installed(out), args, out, new PrintStream(err, true, StandardCharsets.UTF_8));
    String said = err.toString(StandardCharsets.UTF_8);
    return code == 0 ? "" : code + ": " + said;
  }

  /** Whether {@code tune} takes these options; a sentence may leave some out. */
  private static void parses(String command) {
    String[] words =
        Arrays.stream(command.split(" +"))
            .skip(1)
            .filter(w -> !w.equals("..."))
            .toArray(String[]::new);
    PrintStream out = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    CommandLine line = new CommandLine(Tune.class, Wiring.installed(out));
    collectErrors(line);
    List<Exception> errors =
        line.parseArgs(words).asCommandLineList().stream()
            .flatMap(l -> l.getParseResult().errors().stream())
            .filter(e -> !(e instanceof CommandLine.MissingParameterException))
            .toList();
    assertEquals(List.of(), errors, command);
  }

  private static void collectErrors(CommandLine line) {
    line.getCommandSpec().parser().collectErrors(true);
    line.getSubcommands().values().forEach(DocCommandsTest::collectErrors);
  }

  // ---- Run ----

  private void run(String command, String input) throws Exception {
    DocFolder f = folder();
    f.set("FREE_PORT", "" + freePort());
    String said = f.run(filled(command), input);
    assertTrue(!command.startsWith("grep ") || !said.isBlank(), command + " finds nothing");
    Matcher made =
        Pattern.compile("(?:(?<run>output_dir=)|-o |--output |--output-dir )(?<file>\\S+)")
            .matcher(filled(command));
    Matcher adapter = Pattern.compile(" adapters\\.(\\w+)\\.").matcher(command);
    String logs = (adapter.find() ? "/" + adapter.group(1) : "") + "/logs/metrics.jsonl";
    while (made.find()) {
      String file = made.group("file") + (made.group("run") == null ? "" : logs);
      assertTrue(command.contains(" plan ") || Files.exists(f.resolve(file)), file + ": " + said);
    }
  }

  /**
   * With what is left out as three dots, and the sizes of the model that stands in for the named
   * one; a plan does without a model, and then has the named one's.
   */
  private String filled(String command) {
    String whole = command.replace(" ...", REST).replace("data_files=FILE", "data_files=rows.json");
    // Documents share a folder here; the sample plugin's recipe overwrites anyway.
    if (whole.contains("tune run ") && !whole.contains("tune run embedding_norm")) {
      whole += " --overwrite";
    }
    Matcher model = Pattern.compile("checkpoint_dir=(\\S+)").matcher(whole);
    return whole.matches(".* --config (smollm2|llama2)/.*")
            && model.find()
            && Files.exists(folder().resolve(model.group(1)))
        ? whole + " model=lora_auto"
        : whole;
  }

  private void fetchesAnew(DocCommand command) throws Exception {
    Matcher to = Pattern.compile("--output-dir (\\S+)").matcher(command.text());
    if (to.find() && Files.exists(folder().resolve(to.group(1)))) {
      folder().remove(to.group(1));
    }
    run(command.text(), "");
    if (command.text().contains("--hf-token TOKEN")) {
      assertTrue(hub != null && hub.wasShown("TOKEN"), "the hub saw no token");
    }
  }

  private void runsOnTwoMachines(DocCommand command) throws Exception {
    int port = freePort();
    Files.writeString(folder().resolve("rdzv.token"), "0123456789abcdef\n");
    folder()
        .runTogether(
            Stream.of("0", "1")
                .map(
                    rank ->
                        filled(command.text())
                            .replace("--node_rank R", "--node_rank " + rank)
                            .replace("HOST:29500", "127.0.0.1:" + port))
                .toList());
    assertTrue(Files.exists(folder().resolve("out/ranks/logs/metrics.jsonl")));
  }

  private void servesUntilTheBlockEnds(DocCommand command) throws Exception {
    stopServer();
    server = folder().start(command.text() + " --port 0", "");
    String address = server.address();
    String path = command.text().contains(" serve") ? "/v1/models" : "/";
    int status =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(URI.create(address + path)).build(), BodyHandlers.ofString())
            .statusCode();
    assertEquals(200, status, server::command);
    if (!path.equals("/v1/models")) {
      stopServer();
    }
  }

  private void asksTheServer(DocCommand command) throws Exception {
    assumeTrue(DocFolder.has("curl"), "skipped: there is no curl on the PATH");
    if (server == null) {
      throw new AssertionError(command + " asks a server that no command before it has started");
    }
    String answer =
        folder().run(command.text().replace("http://127.0.0.1:8000", server.address()), "");
    String list = command.text().contains("/classify") ? "data" : "choices";
    assertTrue(answer.contains("\"%s\":[{".formatted(list)), answer);
  }

  private DocFolder folder() {
    if (folder == null) {
      throw new IllegalStateException("only blocks are run");
    }
    return folder;
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  // ---- Checked instead: builds of the whole project, images, peers that need Python ----

  private void namesWhatTheBuildHas(DocCommand command) throws IOException {
    String pom = Files.readString(ROOT.resolve("pom.xml"));
    String[] words = command.text().split(" +");
    for (int i = 1; i < words.length; i++) {
      String word = words[i];
      if (word.startsWith("-P")) {
        assertTrue(pom.contains("<id>" + word.substring(2) + "</id>"), word + " is no profile");
      } else if (word.equals("-pl")) {
        assertTrue(pom.contains("<module>" + words[++i] + "</module>"), words[i]);
      } else if (word.startsWith("-Dtest=")) {
        assertTrue(testClass(word.substring("-Dtest=".length())), word + " is no test");
      } else if (!word.startsWith("-")) {
        assertTrue(GOALS.contains(word), word + " is no goal of " + GOALS);
      }
    }
  }

  private static boolean testClass(String name) throws IOException {
    try (Stream<Path> files = Files.walk(ROOT.resolve("text/src/test/java"))) {
      return files.anyMatch(f -> f.endsWith(name + ".java"));
    }
  }

  private void dockerfileNamesWhatTheBuildMakes() throws IOException {
    String docker = Files.readString(ROOT.resolve("Dockerfile"));
    Matcher maven = Pattern.compile("RUN (\\./mvnw .*?) \\\\\n").matcher(docker);
    assertTrue(maven.find());
    namesWhatTheBuildHas(
        new DocCommand("Dockerfile", maven.group(1).replace("-pl distribution -am ", ""), true));
    String pom = Files.readString(ROOT.resolve("distribution/pom.xml"));
    assertTrue(pom.contains("<finalName>tune4j-${project.version}-${platform}</finalName>"));
    assertTrue(docker.contains("distribution/target/tune4j-*.tar.gz"));
  }

  private void namesAScriptAndItsOptions(DocCommand command) throws IOException {
    String[] words = command.text().split(" +");
    String script = words[words[0].equals("python") ? 1 : 0];
    String text = assertDoesNotThrow(() -> Files.readString(ROOT.resolve(script)), script);
    for (String word : words) {
      assertTrue(!word.startsWith("--") || text.contains('"' + word + '"'), word);
    }
  }
}

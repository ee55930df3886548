package org.tune4j.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.duckdb.DuckDBDriver;
import org.tune4j.launcher.FastStart;

/**
 * The folder in which a reader types the documents' commands: {@code tune} itself on this build's
 * classes, a small model and rows under the names that the documents use, placeholders included,
 * and stand-ins for programs that are not everywhere.
 */
final class DocFolder {
  private static final Path PROJECT = Path.of("..").toAbsolutePath().normalize();
  private static final long SECONDS = 1200;
  private static final Pattern ADDRESS = Pattern.compile("http://127\\.0\\.0\\.1:(\\d+)");

  /** The project's folder. */
  private final Path root;

  private static final String TRUTHFUL_QA =
      """
      {"question": "Where is Tom?", "mc2_targets": {"choices": ["Tom is in the park", "Tom is red"], "labels": [1, 0]}}
      {"question": "What is one plus one?", "mc2_targets": {"choices": ["two", "three", "ten"], "labels": [1, 0, 0]}}
      """;

  private final Map<String, String> environment = new TreeMap<>();
  private Path here;

  private DocFolder(Path root) {
    this.root = root;
    this.here = root;
  }

  /**
   * Lays it out.
   *
   * @param hub where models are fetched from
   */
  static DocFolder in(Path root, String hub) throws IOException, InterruptedException {
    DocFolder folder = new DocFolder(root);
    folder.installTune();
    for (String name : List.of("SmolLM2-135M-Instruct", "DIR", "MODEL")) {
      folder.model(name);
    }
    Files.writeString(
        root.resolve("rows.json"),
        """
        {"instruction": "Where is Tom?", "input": "Tom is in the park.", "output": "Tom is in the park."}
        {"instruction": "What is four plus three?", "input": "", "output": "Four plus three is seven."}
        {"instruction": "Count from two to four.", "input": "", "output": "Two, three, four."}
        """);
    Files.copy(Path.of("src/test/resources/torchtune/llama3.yaml"), root.resolve("torchtune.yaml"));
    Files.writeString(
        root.resolve("ids.jsonl"),
        """
        {"input_ids": [32, 5, 60, 14, 9, 71, 3, 28, 15, 40]}
        {"input_ids": [12, 80, 7, 33, 21, 6, 50, 2, 90], "labels": [-100, -100, -100, 33, 21, 6, 50, 2, 90]}
        """);
    Files.writeString(
        root.resolve("preferences.jsonl"),
        """
        {"prompt": "Where is Tom?", "chosen": "Tom is in the park.", "rejected": "Tom is red."}
        {"prompt": "What is four plus three?", "chosen": "Seven.", "rejected": "Ten."}
        """);
    Files.writeString(
        root.resolve("texts.jsonl"),
        """
        {"text": "Tom is in the park.", "label": "positive"}
        {"text": "Tom is red.", "label": "negative"}
        """);
    Files.writeString(
        root.resolve("prompts.jsonl"),
        """
        {"prompt": "What is four plus three?", "answer": "seven"}
        {"prompt": "What is two plus two?", "answer": "four"}
        """);
    Files.writeString(root.resolve("questions.txt"), "Where is Tom?\nWhat is four plus three?\n");
    Files.writeString(root.resolve("truthfulqa_mc2.jsonl"), TRUTHFUL_QA);
    folder.standIns();
    folder.environment.putAll(
        Map.of(
            "PATH",
            root.resolve("bin") + ":" + System.getenv("PATH"),
            "JAVA_HOME",
            System.getProperty("java.home"),
            "HF_ENDPOINT",
            hub,
            "HF_HOME",
            root.resolve("hf").toString(),
            "TUNE_CACHE",
            root.resolve("cache").toString(),
            "TUNE_PLUGINS",
            root.resolve("plugins").toString(),
            "TUNE_JAVA_OPTS",
            "-XX:TieredStopAtLevel=1 -Xmx512m"));
    folder.run("cp -r '%s' .".formatted(PROJECT.resolve("quickstart")));
    return folder;
  }

  /** A data set's folder, as the hub has it, made in an empty one. */
  static Path truthfulQa(Path folder) throws IOException, SQLException {
    Path part = Files.createDirectories(folder.resolve("multiple_choice"));
    Path rows = Files.writeString(folder.resolve("rows.jsonl"), TRUTHFUL_QA);
    try (Connection db = new DuckDBDriver().connect("jdbc:duckdb:", new Properties());
        Statement s = db.createStatement()) {
      s.execute(
          "COPY (FROM read_json('%s')) TO '%s' (FORMAT parquet)"
              .formatted(rows, part.resolve("validation-00000-of-00001.parquet")));
    }
    return folder;
  }

  /** The project's own script, told that everything is built. */
  private void installTune() throws IOException {
    Files.createDirectories(root.resolve("bin"));
    script("tune", Files.readString(PROJECT.resolve("tune")));
    Files.createSymbolicLink(root.resolve("bin/tune"), Path.of("../tune"));
    Path target = Files.createDirectories(root.resolve("distribution/target"));
    Files.createSymbolicLink(
        target.resolve("classes"), PROJECT.resolve("distribution/target/classes"));
    Files.writeString(target.resolve("class-path"), target + ":" + FastStart.classPath());
  }

  /** A copy, since some commands write into a model's folder. */
  private void model(String name) throws IOException {
    Path to = Files.createDirectories(root.resolve(name));
    try (Stream<Path> files = Files.list(PROJECT.resolve("quickstart/model"))) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }

  private void standIns() throws IOException {
    // Maven builds the same projects in ThirdPartyPluginIT.
    script(
        "bin/mvn",
        """
        #!/bin/sh
        set -e
        [ "$*" = package ] || { echo "mvn $*: only package is known here" >&2; exit 1; }
        name=$(sed -n 's/.*<artifactId>\\(.*\\)<.artifactId>.*/\\1/p' pom.xml | head -n 1)
        mkdir -p target/classes
        find src/main/java -name '*.java' >target/sources
        "$JAVA_HOME/bin/javac" -parameters -proc:none -cp "$(cat '%s/class-path')" -d target/classes @target/sources
        cp -r src/main/resources/. target/classes
        echo 'Tune4J-Api: 1' >target/manifest
        "$JAVA_HOME/bin/jar" --create --file "target/$name.jar" --manifest target/manifest -C target/classes .
        """
            .formatted(root.resolve("distribution/target")));
    // torchrun's variables, one machine.
    script(
        "bin/torchrun",
        """
        #!/bin/sh
        [ "$1 $3" = "--nproc_per_node --no-python" ] || { echo "torchrun $*: not known here" >&2; exit 1; }
        export MASTER_ADDR=127.0.0.1 MASTER_PORT=$FREE_PORT WORLD_SIZE=$2 LOCAL_WORLD_SIZE=$2
        ranks=$2
        shift 3
        rank=1
        while [ "$rank" -lt "$ranks" ]; do
          RANK=$rank LOCAL_RANK=$rank "$@" &
          rank=$((rank + 1))
        done
        RANK=0 LOCAL_RANK=0 "$@" || exit
        wait
        """);
  }

  private void script(String name, String text) throws IOException {
    Path file = root.resolve(name);
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /**
   * Where a document's reader begins: in the project's folder; in one of their own where the
   * commands call {@code tune} from the PATH, with what lies beside the document.
   */
  void begin(Path document, boolean fromThePath) throws IOException, InterruptedException {
    here = root;
    if (fromThePath) {
      Path beside = document.getParent();
      here = root.resolve("elsewhere").resolve(beside.getFileName());
      Files.createDirectories(here);
      if (Files.exists(beside.resolve("pom.xml"))) {
        run("cp -r '%s'/. ../../rows.json ../../MODEL .".formatted(beside.toAbsolutePath()));
      }
    }
  }

  Path resolve(String name) {
    return here.resolve(name);
  }

  /** Removes what an earlier command left. */
  void remove(String name) throws IOException {
    try (Stream<Path> all = Files.walk(root.resolve(name))) {
      for (Path p : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(p);
      }
    }
  }

  /** A command under way; what it says goes to files. */
  final class Running implements AutoCloseable {
    private final String command;
    private final Process process;
    private final Path out;
    private final Path err;

    private Running(String command, String input) throws IOException {
      this.command = command;
      this.out = Files.createTempFile(root, "out", ".txt");
      this.err = Files.createTempFile(root, "err", ".txt");
      Path in = Files.writeString(Files.createTempFile(root, "in", ".txt"), input);
      // One that moves the reader says where to; another is the process, so that signals reach it.
      String line =
          command.startsWith("cd ")
              ? "%s%npwd >'%s'".formatted(command, root.resolve("pwd"))
              : "exec " + command;
      ProcessBuilder b =
          new ProcessBuilder("/bin/sh", "-ec", line)
              .directory(here.toFile())
              .redirectInput(in.toFile())
              .redirectOutput(out.toFile())
              .redirectError(err.toFile());
      b.environment().keySet().removeIf(k -> k.startsWith("TUNE_") || k.startsWith("HF_"));
      b.environment().putAll(environment);
      process = b.start();
    }

    String command() {
      return command;
    }

    String said() throws IOException {
      return Files.readString(out) + Files.readString(err);
    }

    /** Waits for the end, which must be a good one. */
    String end() throws IOException, InterruptedException {
      if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError(
            "%s%nstill runs after %d s: %s".formatted(command, SECONDS, said()));
      }
      assertEquals(0, process.exitValue(), command + "\n" + said());
      if (Files.exists(root.resolve("pwd"))) {
        here = Path.of(Files.readString(root.resolve("pwd")).strip());
        Files.delete(root.resolve("pwd"));
      }
      return said();
    }

    /** A server's address, once it listens. */
    String address() throws IOException, InterruptedException {
      for (long left = SECONDS * 20; left > 0 && process.isAlive(); left--) {
        Matcher m = ADDRESS.matcher(Files.readString(out));
        if (m.find()) {
          return m.group();
        }
        Thread.sleep(50);
      }
      throw new AssertionError(command + "\ndoes not listen: " + said());
    }

    /** Ends a server as Ctrl-C and a container's end do. */
    @Override
    public void close() throws InterruptedException {
      process.destroy();
      assertTrue(process.waitFor(5, TimeUnit.MINUTES), () -> command + " does not end at SIGTERM");
    }
  }

  /** Starts a command line where the one before it left the reader. */
  Running start(String command, String input) throws IOException {
    return new Running(command, input);
  }

  String run(String command) throws IOException, InterruptedException {
    return run(command, "");
  }

  String run(String command, String input) throws IOException, InterruptedException {
    try (Running running = start(command, input)) {
      return running.end();
    }
  }

  void set(String variable, String value) {
    environment.put(variable, value);
  }

  /** Whether the machine has a program. */
  static boolean has(String program) {
    return Stream.of(System.getenv("PATH").split(":"))
        .anyMatch(d -> Files.isExecutable(Path.of(d, program)));
  }

  /** All at once; each must end well. */
  void runTogether(List<String> commands) throws IOException, InterruptedException {
    List<Running> all = new ArrayList<>();
    for (String command : commands) {
      all.add(start(command, ""));
    }
    for (Running running : all) {
      running.end();
    }
  }
}

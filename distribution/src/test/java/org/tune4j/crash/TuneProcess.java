package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.tune4j.checkpoint.AtomicFolder;
import org.tune4j.launcher.FastStart;
import org.tune4j.launcher.Start;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Device;

/** The {@code tune} command on the tiny model, in a process of its own. */
final class TuneProcess {
  private static final Path PROJECT = Path.of("..").toAbsolutePath().normalize();
  private static final long SECONDS = 1800;

  private final Process process;
  private final Path out;
  private final Path err;

  private TuneProcess(Process process, Path out, Path err) {
    this.process = process;
    this.out = out;
    this.err = err;
  }

  /** The native backends there are, by name. */
  static List<String> backends() {
    return Backends.installed().providers().stream()
        .filter(p -> !p.name().equals("reference"))
        .filter(p -> p.availability().available())
        .filter(p -> p.availability().devices().contains(Device.CPU))
        .map(p -> p.name())
        .toList();
  }

  /** Every row of a table on every backend, whose name comes first. */
  static Stream<Arguments> onEveryBackend(Object[]... table) {
    return backends().stream()
        .flatMap(
            backend ->
                Stream.of(table)
                    .map(row -> Stream.concat(Stream.of(backend), Stream.of(row)).toArray())
                    .map(Arguments::of));
  }

  /** Every row of a table on one backend, the next for the next row; its name comes first. */
  static Stream<Arguments> onABackendEach(Object[]... table) {
    List<String> backends = backends();
    return IntStream.range(0, table.length)
        .mapToObj(
            i -> Stream.concat(Stream.of(backends.get(i % backends.size())), Stream.of(table[i])))
        .map(row -> Arguments.of(row.toArray()));
  }

  /** How the JVM is started, as the launcher's script does it. */
  static List<String> jvm() {
    return jvm("-XX:SharedArchiveFile=" + ClassData.ARCHIVE);
  }

  private static List<String> jvm(String flag) {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",
        "-XX:TieredStopAtLevel=1",
        flag,
        "-Xlog:cds*=off:stderr",
        "-Dorg.bytedeco.javacpp.maxBytes=0",
        "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
        "-Dorg.bytedeco.javacpp.nopointergc=true",
        "-Dai.djl.offline=true",
        "-cp",
        FastStart.classPath(),
        "org.tune4j.launcher.Launcher");
  }

  /** Class data of one run, which make every later start faster. */
  private static final class ClassData {
    static final Path ARCHIVE = archive();

    private static Path archive() {
      try {
        Path folder = Files.createTempDirectory("tune4j-class-data");
        Path archive = folder.resolve("tune.jsa");
        List<String> run = arguments(backends().get(0), folder.resolve("out"), "epochs=1");
        TuneProcess p = start(folder, concat(jvm("-XX:ArchiveClassesAtExit=" + archive), run));
        assertEquals(0, p.exitCode(), p::err);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> remove(folder)));
        return archive;
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    private static void remove(Path folder) {
      try {
        AtomicFolder.remove(folder);
      } catch (RuntimeException e) {
        // The system's temporary files are swept.
      }
    }
  }

  /**
   * A LoRA run of shuffled, accumulated rows with dropout: four updates an epoch of the eight rows.
   *
   * @param changes override what stands before them
   */
  static List<String> arguments(String backend, Path output, String... changes) {
    List<String> all = run("lora", backend, output);
    all.addAll(List.of("save_adapter_weights_only=true", "lora_dropout=0.1"));
    all.addAll(List.of(changes));
    return all;
  }

  /** The same for all weights, without dropout. */
  static List<String> fullArguments(String backend, Path output, String... changes) {
    List<String> all = run("full", backend, output);
    all.addAll(List.of(changes));
    return all;
  }

  /** From preferences, by the loss that compares most. */
  static List<String> preferenceArguments(String backend, Path output, String... changes) {
    List<String> all = run("lora", backend, output);
    all.set(1, "lora_dpo_single_device");
    all.addAll(
        List.of(
            "save_adapter_weights_only=true",
            "lora_dropout=0.1",
            "dataset._component_=preference_dataset",
            "dataset.data_files="
                + PROJECT.resolve("distribution/src/test/resources/preferences.jsonl"),
            "loss={_component_: kto_loss}",
            "batch_size=2"));
    all.addAll(List.of(changes));
    return all;
  }

  private static List<String> run(String method, String backend, Path output) {
    return new ArrayList<>(
        List.of(
            "run",
            method + "_finetune_single_device",
            "--config",
            "llama/" + method + "_single_device",
            "checkpointer.checkpoint_dir="
                + PROJECT.resolve("models/src/test/resources/golden/tiny/families/llama2"),
            "tokenizer.path=" + PROJECT.resolve("docs/tiny"),
            "dataset.data_files=" + PROJECT.resolve("docs/tiny/rows.jsonl"),
            "output_dir=" + output,
            "backend=" + backend,
            "dtype=fp32",
            "threads=2",
            "optimizer.lr=1e-2",
            "lr_scheduler.num_warmup_steps=0",
            "shuffle=true",
            "seed=7",
            "batch_size=1",
            "gradient_accumulation_steps=2"));
  }

  /** Starts a command line; its output goes to files in {@code logs}. */
  static TuneProcess start(Path logs, List<String> command) throws IOException {
    return start(logs, Map.of(), command);
  }

  private static TuneProcess start(Path logs, Map<String, String> environment, List<String> command)
      throws IOException {
    Path out = Files.createTempFile(logs, "out", ".txt");
    Path err = Files.createTempFile(logs, "err", ".txt");
    ProcessBuilder b =
        new ProcessBuilder(command)
            .directory(PROJECT.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    b.environment().putAll(Start.environment("run"));
    b.environment().putAll(environment);
    return new TuneProcess(b.start(), out, err);
  }

  /** Starts {@code tune} with these arguments. */
  static TuneProcess tune(Path logs, List<String> arguments) throws IOException {
    return start(logs, concat(jvm(), arguments));
  }

  /** The same, with variables set besides. */
  static TuneProcess tune(Path logs, Map<String, String> environment, List<String> arguments)
      throws IOException {
    return start(logs, environment, concat(jvm(), arguments));
  }

  static List<String> concat(List<String> a, List<String> b) {
    List<String> both = new ArrayList<>(a);
    both.addAll(b);
    return both;
  }

  /** Runs to the end, which must be a good one. */
  static void complete(Path logs, List<String> arguments) throws Exception {
    TuneProcess p = tune(logs, arguments);
    assertEquals(0, p.exitCode(), p::err);
  }

  long pid() {
    return process.pid();
  }

  /** What it has started. */
  List<ProcessHandle> children() {
    return process.children().toList();
  }

  boolean alive() {
    return process.isAlive();
  }

  /** SIGKILL. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** A signal by name, such as {@code TERM}; none where it has ended. */
  void signal(String name) throws Exception {
    int code = new ProcessBuilder("kill", "-" + name, "" + pid()).start().waitFor();
    assertTrue(code == 0 || !alive(), "kill ended with " + code);
  }

  int exitCode() throws InterruptedException {
    if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("still running after " + SECONDS + " s: " + out() + err());
    }
    return process.exitValue();
  }

  String out() {
    return text(out);
  }

  String err() {
    return text(err);
  }

  private static String text(Path file) {
    try {
      return Files.readString(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Waits until the run has appended more than so many bytes of metrics, or has ended. */
  void awaitMetrics(Path output, long bytes) throws Exception {
    Path metrics = output.resolve("logs/metrics.jsonl");
    long end = System.nanoTime() + SECONDS * 1_000_000_000L;
    while (alive() && !(Files.exists(metrics) && Files.size(metrics) > bytes)) {
      assertTrue(System.nanoTime() < end, () -> "no step was made: " + out() + err());
      Thread.sleep(2);
    }
  }

  /** Waits until it has printed a text, or has ended. */
  void awaitOut(String text) throws Exception {
    await(text, out);
  }

  /** Waits until it has complained of something, or has ended. */
  void awaitErr(String text) throws Exception {
    await(text, err);
  }

  private void await(String text, Path file) throws Exception {
    long end = System.nanoTime() + SECONDS * 1_000_000_000L;
    while (alive() && !text(file).contains(text)) {
      assertTrue(System.nanoTime() < end, () -> "it did not say " + text + ": " + out() + err());
      Thread.sleep(20);
    }
  }

  /** Waits for up to so many milliseconds. */
  static void pause(Random random, int milliseconds) throws InterruptedException {
    Thread.sleep(random.nextInt(milliseconds));
  }

  /** The adapter, or the model, that the last epoch leaves. */
  static byte[] weights(Path output, int epochs) throws IOException {
    Path epoch = output.resolve("epoch_" + (epochs - 1));
    Path adapter = epoch.resolve("adapter_model.safetensors");
    return Files.readAllBytes(Files.exists(adapter) ? adapter : epoch.resolve("model.safetensors"));
  }

  /** The metrics but for times and memory. */
  static List<String> metrics(Path output) throws IOException {
    return Files.readAllLines(output.resolve("logs/metrics.jsonl")).stream()
        .map(
            l ->
                l.replaceAll(
                    "\"(seconds|tokens_per_second|rss_mb|comm_seconds|rss_mb_rank_\\d+)\":[^,}]*",
                    ""))
        .toList();
  }

  /** Each step's. */
  static List<Double> losses(Path output) throws IOException {
    return Files.readAllLines(output.resolve("logs/metrics.jsonl")).stream()
        .map(l -> Double.valueOf(l.replaceAll(".*\"loss\": *([^,}]*).*", "$1")))
        .toList();
  }

  /** Of the process after each step, in MiB. */
  static LongStream residentSizes(Path output) throws IOException {
    return Files.readAllLines(output.resolve("logs/metrics.jsonl")).stream()
        .mapToLong(l -> Long.parseLong(l.replaceAll(".*\"rss_mb\": *(\\d+).*", "$1")));
  }

  /** Files that a cut-off write has left. */
  static List<String> leftOvers(Path output) throws IOException {
    try (Stream<Path> all = Files.walk(output)) {
      return all.map(p -> p.getFileName().toString())
          .filter(n -> n.endsWith(".tmp") || n.endsWith(".old") && n.startsWith("."))
          .toList();
    }
  }
}

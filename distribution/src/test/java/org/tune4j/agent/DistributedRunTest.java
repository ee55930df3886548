package org.tune4j.agent;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.checkpoint.AtomicFolder;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.platform.Gpus;
import org.tune4j.wiring.Wiring;

/** Several ranks through the command line give what one device gives with their batch. */
@Tag("process")
class DistributedRunTest {
  private static final String BACKEND = System.getProperty("tune4j.test.backend", "javacpp");

  @TempDir Path dir;
  private String out = "";
  private String err = "";

  private int tune(List<String> args) {
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(o, true, StandardCharsets.UTF_8);
    int code =
        Tune.execute(
            Wiring.installed(to),
            args.toArray(String[]::new),
            to,
            new PrintStream(e, true, StandardCharsets.UTF_8));
    out = o.toString(StandardCharsets.UTF_8);
    err = e.toString(StandardCharsets.UTF_8);
    return code;
  }

  private List<String> command(TinyRun run, int ranks, String how, String... overrides) {
    List<String> args = new ArrayList<>(Arrays.asList(run.command(overrides)));
    args.add("epochs=4");
    args.add("backend=" + BACKEND);
    if (ranks > 1) {
      args.set(1, "lora_finetune_distributed");
      args.addAll(1, List.of("--nproc_per_node=" + ranks, "--ranks=" + how));
      args.add("threads=1");
    }
    return args;
  }

  private static List<Double> losses(Path out) throws IOException {
    List<Double> losses = new ArrayList<>();
    for (String line : Files.readAllLines(out.resolve("logs/metrics.jsonl"))) {
      losses.add(new ObjectMapper().readTree(line).path("loss").asDouble());
    }
    return losses;
  }

  /** Three rows: of four places in a batch of all ranks, rank 1 has one. */
  @ParameterizedTest
  @CsvSource({
    "2, threads, ddp",
    "3, threads, ddp",
    "2, processes, ddp",
    "3, threads, fsdp",
    "2, processes, fsdp"
  })
  void ranks_lossesAreThoseOfOneDevice(int ranks, String how, String strategy) throws IOException {
    assumeTrue(how.equals("threads") || BACKEND.equals("javacpp"), "threads are its only ranks");
    TinyRun run = TinyRun.in(dir);
    assertEquals(
        0,
        tune(
            command(
                run,
                1,
                "",
                "output_dir=" + dir.resolve("one"),
                "batch_size=6",
                "clip_grad_norm=0.1")),
        err);
    List<String> several =
        command(
            run,
            ranks,
            how,
            "output_dir=" + dir.resolve("several"),
            "batch_size=" + 6 / ranks,
            "clip_grad_norm=0.1",
            "strategy=" + strategy);
    assertEquals(0, tune(several), out + err);
    List<Double> expected = losses(dir.resolve("one"));
    List<Double> actual = losses(dir.resolve("several"));
    assertEquals(4, expected.size());
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), actual.get(i), 1e-5, "step " + (i + 1));
    }
    assertTrue(Files.exists(dir.resolve("several/epoch_3/adapter_model.safetensors")));
  }

  /** Gradients of all ranks are added layer by layer, while backward goes on. */
  @ParameterizedTest
  @CsvSource({"3, threads", "2, processes"})
  void ranks_updatingInBackward_giveWhatOneDeviceGives(int ranks, String how) throws IOException {
    assumeTrue(how.equals("threads") || BACKEND.equals("javacpp"), "threads are its only ranks");
    TinyRun run = TinyRun.in(dir);
    List<String> updating =
        List.of(
            "threads=1",
            "optimizer_in_bwd=true",
            "enable_activation_checkpointing=true",
            "gradient_accumulation_steps=1",
            "clip_grad_norm=null");
    List<String> one = full(run, "full_finetune_single_device", "one", 6);
    one.addAll(updating);
    assertEquals(0, tune(one), err);
    List<String> several = full(run, "full_finetune_distributed", "several", 6 / ranks);
    several.addAll(1, List.of("--nproc_per_node=" + ranks, "--ranks=" + how));
    several.addAll(updating);
    several.add("strategy=ddp");
    assertEquals(0, tune(several), out + err);
    List<Double> expected = losses(dir.resolve("one"));
    List<Double> actual = losses(dir.resolve("several"));
    assertEquals(4, expected.size());
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), actual.get(i), 1e-5, "step " + (i + 1));
    }
    several.set(several.size() - 1, "strategy=fsdp");
    assertEquals(2, tune(several));
    assertTrue(err.contains("optimizer_in_bwd=true needs strategy=ddp, strategy is fsdp"), err);
  }

  /** A shard of every weight on each rank; one device has them all. */
  @ParameterizedTest
  @CsvSource({"3, threads, fsdp", "2, processes, fsdp", "2, threads, ddp"})
  void ranks_trainingAllWeights_giveWhatOneDeviceGives(int ranks, String how, String strategy)
      throws IOException {
    assumeTrue(how.equals("threads") || BACKEND.equals("javacpp"), "threads are its only ranks");
    TinyRun run = TinyRun.in(dir);
    List<String> one = full(run, "full_finetune_single_device", "one", 6);
    assertEquals(0, tune(one), err);
    List<String> several = full(run, "full_finetune_distributed", "several", 6 / ranks);
    several.addAll(1, List.of("--nproc_per_node=" + ranks, "--ranks=" + how));
    several.addAll(List.of("threads=1", "strategy=" + strategy, "~optimizer_in_bwd"));
    assertEquals(0, tune(several), out + err);
    List<Double> expected = losses(dir.resolve("one"));
    List<Double> actual = losses(dir.resolve("several"));
    assertEquals(4, expected.size());
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), actual.get(i), 1e-5, "step " + (i + 1));
    }
    assertEquals(weights(dir.resolve("one/epoch_3")), weights(dir.resolve("several/epoch_3")));
    Map<String, float[]> sums = values(dir.resolve("one/epoch_3"));
    values(dir.resolve("several/epoch_3"))
        .forEach((name, v) -> assertArrayEquals(sums.get(name), v, 1e-4f, name));
    assertEquals(List.of(), hidden(dir.resolve("several")));
  }

  /** What ranks have written for rank 0 to put together is gone. */
  private static List<String> hidden(Path out) throws IOException {
    try (Stream<Path> all = Files.walk(out)) {
      return all.map(p -> p.getFileName().toString()).filter(n -> n.endsWith(".tmp")).toList();
    }
  }

  /**
   * All weights, sharded: a checkpoint that all ranks have written is any number's to go on from.
   */
  @ParameterizedTest
  @CsvSource({"2, fsdp, 3, fsdp", "3, fsdp, 2, ddp"})
  void ranks_trainingAllWeights_goOnWithOtherRanks(int before, String from, int after, String to)
      throws IOException {
    TinyRun run = TinyRun.in(dir);
    List<String> whole = full(run, "full_finetune_distributed", "out", 6 / before);
    whole.addAll(1, List.of("--nproc_per_node=" + before, "--ranks=threads"));
    List<String> common =
        List.of("threads=1", "~optimizer_in_bwd", "save_every_n_steps=1", "keep_last_n=9");
    whole.addAll(common);
    Path out = dir.resolve("out");
    List<Double> expected = cutAfterTwoSteps(with(whole, "strategy=" + from), out);
    List<String> rest = full(run, "full_finetune_distributed", "out", 6 / after);
    rest.addAll(1, List.of("--nproc_per_node=" + after, "--ranks=threads"));
    rest.addAll(common);
    assertEquals(0, tune(with(rest, "strategy=" + to, "--resume")), this.out + err);
    assertTrue(this.out.contains("resuming from " + out.resolve("checkpoints/step_")), this.out);
    List<Double> actual = losses(out);
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), actual.get(i), 1e-5, "step " + (i + 1));
    }
  }

  /**
   * Runs four steps and keeps what was saved of the first two, one of which a newer one may have
   * overtaken.
   *
   * @return the losses of all
   */
  private List<Double> cutAfterTwoSteps(List<String> command, Path out) throws IOException {
    assertEquals(0, tune(command), this.out + err);
    List<Double> losses = losses(out);
    boolean kept = false;
    try (Stream<Path> all = Files.list(out.resolve("checkpoints"))) {
      for (Path p : all.filter(p -> p.toString().matches(".*step_\\d")).toList()) {
        if (p.toString().matches(".*step_[34]")) {
          AtomicFolder.remove(p);
        } else {
          kept = true;
        }
      }
    }
    if (kept) {
      return losses;
    }
    AtomicFolder.remove(out); // both, on a slow disk
    return cutAfterTwoSteps(command, out);
  }

  private List<String> full(TinyRun run, String recipe, String out, int batchSize) {
    List<String> args = new ArrayList<>(Arrays.asList(run.command()));
    args.set(1, recipe);
    args.set(args.indexOf("--config") + 1, "llama/full_single_device");
    args.removeIf(a -> a.startsWith("lora_") || a.startsWith("apply_lora_"));
    args.addAll(
        List.of(
            "output_dir=" + dir.resolve(out),
            "batch_size=" + batchSize,
            "gradient_accumulation_steps=1",
            "optimizer.lr=1e-3",
            "clip_grad_norm=0.1",
            "epochs=4",
            "backend=" + BACKEND));
    return args;
  }

  /** A model's weights, which are fp32. */
  private static Map<String, float[]> values(Path folder) throws IOException {
    Map<String, float[]> all = new TreeMap<>();
    for (Map.Entry<String, HuggingFaceFolder.Weight> e :
        HuggingFaceFolder.open(folder).weights().entrySet()) {
      SafetensorsFile.Entry entry = e.getValue().entry();
      assertEquals(SafetensorsType.F32, entry.type());
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(e.getValue().file()));
      float[] v = new float[(int) (entry.length() / 4)];
      bytes.position((int) entry.offset()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(v);
      all.put(e.getKey(), v);
    }
    return all;
  }

  /** Names, types and shapes of a model's weights. */
  private static Map<String, String> weights(Path folder) {
    Map<String, String> all = new TreeMap<>();
    HuggingFaceFolder.open(folder)
        .weights()
        .forEach((name, w) -> all.put(name, w.entry().type() + " " + w.entry().shape()));
    return all;
  }

  /** A checkpoint does not know how the model lay on the ranks. */
  @ParameterizedTest
  @CsvSource({"2, fsdp, 3, ddp", "3, ddp, 2, fsdp"})
  void run_resumedWithOtherRanksAndStrategy_losesNothing(
      int before, String from, int after, String to) throws IOException {
    TinyRun run = TinyRun.in(dir);
    Path out = dir.resolve("out");
    List<String> whole =
        command(
            run,
            before,
            "threads",
            "output_dir=" + out,
            "batch_size=" + 6 / before,
            "save_every_n_steps=1",
            "keep_last_n=9");
    List<Double> expected = cutAfterTwoSteps(with(whole, "strategy=" + from), out);
    List<String> rest =
        command(
            run,
            after,
            "threads",
            "output_dir=" + out,
            "batch_size=" + 6 / after,
            "save_every_n_steps=1",
            "keep_last_n=9");
    assertEquals(0, tune(with(rest, "strategy=" + to, "--resume")), err);
    assertTrue(this.out.contains("resuming from " + out.resolve("checkpoints/step_")), this.out);
    List<Double> actual = losses(out);
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), actual.get(i), 1e-5, "step " + (i + 1));
    }
  }

  private static List<String> with(List<String> command, String... more) {
    List<String> all = new ArrayList<>(command);
    all.addAll(List.of(more));
    return all;
  }

  @Test
  void run_resumedWithOtherRanks_goesOnWhereTheBatchStays() throws IOException {
    TinyRun run = TinyRun.in(dir);
    String two = "output_dir=" + dir.resolve("two");
    assertEquals(
        0, tune(command(run, 2, "threads", two, "batch_size=3", "max_steps_per_epoch=1")), err);
    List<String> other = command(run, 3, "threads", two, "batch_size=2", "max_steps_per_epoch=1");
    other.add("--resume");
    assertEquals(0, tune(other), err);
    assertTrue(out.contains("nothing to do"), out);
    List<String> larger = command(run, 3, "threads", two, "batch_size=3", "max_steps_per_epoch=1");
    larger.add("--resume");
    assertEquals(2, tune(larger));
    assertTrue(err.contains("batch_size times ranks: 6 -> 9"), err);
  }

  @Test
  void run_moreRanksThanRows_isRefused() throws IOException {
    TinyRun run = TinyRun.in(dir);
    assertEquals(2, tune(command(run, 4, "threads")));
    assertEquals("tune: there are 4 ranks for 3 rows; start fewer, or give more rows\n", err);
  }

  @Test
  void run_threadsOfAConfigWithoutADevice_shareTheWeightsOnTheCpu() throws IOException {
    assertEquals(0, tune(command(TinyRun.in(dir), 2, "threads", "device=cpu", "~device")), err);
    assertTrue(
        out.contains("2 ranks are threads of this process and share the frozen weights\n"), out);
  }

  @Test
  void run_threadsOnOneGpu_isRefused() throws IOException {
    assertEquals(2, tune(command(TinyRun.in(dir), 2, "threads", "device=cuda:1")));
    assertEquals(
        "tune: device is cuda:1, but each of several ranks needs its own GPU; use device=cuda, and CUDA_VISIBLE_DEVICES to choose among them\n",
        err);
  }

  @Test
  void run_threadsOnGpusThatAreMissing_saysSoOnce() throws IOException {
    assumeTrue(Gpus.count() == 0, "GPUs are here");
    assertEquals(1, tune(command(TinyRun.in(dir), 2, "threads", "device=cuda")));
    assertTrue(
        err.matches(
            "tune: device cuda:[01] was requested, backend '%s' finds cpu; .*\n"
                .formatted(BACKEND)),
        err);
    assertTrue(out.contains("2 ranks are threads of this process, each on its own GPU\n"), out);
  }

  @Test
  void run_aRankAGpuThatIsMissing_saysWhereItLooked() throws IOException {
    assumeTrue(Gpus.count() == 0, "GPUs are here");
    List<String> args = command(TinyRun.in(dir), 2, "threads");
    args.set(1, "--nproc_per_node=gpu");
    assertEquals(2, tune(args));
    assertEquals(
        "tune: --nproc_per_node is gpu, and no NVIDIA GPU is found in /dev and CUDA_VISIBLE_DEVICES; use cpu or a number\n",
        err);
  }

  @Test
  void run_severalMachinesOfThreads_namesTheOtherBackend() throws IOException {
    TinyRun run = TinyRun.in(dir);
    List<String> args = command(run, 2, "threads");
    args.add(1, "--nnodes=2");
    assertEquals(2, tune(args));
    assertTrue(
        err.startsWith(
            "tune: --nnodes is 2: ranks of backend '"
                + BACKEND
                + "' are threads of one process; use backend=javacpp"),
        err);
  }

  /** Of two machines that may come, the one that is here takes the rows of both. */
  @ParameterizedTest
  @ValueSource(strings = {"ddp", "fsdp"})
  void machine_aloneAmongTwo_lossesAreThoseOfBoth(String strategy) throws IOException {
    assumeTrue(BACKEND.equals("javacpp"), "threads are its only ranks");
    TinyRun run = TinyRun.in(dir);
    List<String> one = command(run, 1, "", "output_dir=" + dir.resolve("one"), "batch_size=2");
    assertEquals(0, tune(one), err);
    List<String> alone = command(run, 2, "processes", "output_dir=" + dir.resolve("alone"));
    alone.set(1, "--nproc_per_node=1");
    alone.addAll(
        1,
        List.of(
            "--nnodes=1:2",
            "--rdzv_endpoint=127.0.0.1:" + Agent.freePort(),
            "--rdzv_conf=last_call_timeout=0"));
    assertEquals(0, tune(with(alone, "batch_size=1", "strategy=" + strategy)), out + err);
    List<Double> expected = losses(dir.resolve("one"));
    List<Double> actual = losses(dir.resolve("alone"));
    assertEquals(8, expected.size());
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), actual.get(i), 1e-5, "step " + (i + 1));
    }
  }

  /** Where numbers of machines change, or are not what they can be. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--nnodes=1:2 | --nnodes is 1:2: the machines need a place to meet; add --rdzv_endpoint HOST:PORT, the same on each",
        "--nnodes=1:2 --node_rank=1 | --node_rank is 1, but --nnodes 1:2 numbers machines in order of arrival; leave it out",
        "--nnodes=1:2 --rdzv_backend=static | --rdzv_backend is 'static', which cannot have --nnodes 1:2; use c10d",
        "--nnodes=1:2 --rdzv_endpoint=localhost:1 --rdzv_conf=timeout=3 | --rdzv_conf has 'timeout=3', expected join_timeout=SECONDS or last_call_timeout=SECONDS",
        "--nnodes=1:2 --ranks=threads | --nnodes is 1:2: ranks of backend 'javacpp' are threads of one process; use backend=javacpp and --ranks processes"
      })
  void run_machinesThatCannotMeet_isRefused(String options, String said) throws IOException {
    assumeTrue(BACKEND.equals("javacpp"), "threads are its only ranks");
    List<String> args = command(TinyRun.in(dir), 2, "auto");
    args.removeIf(a -> a.startsWith("--ranks"));
    args.addAll(1, List.of(options.split(" ")));
    assertEquals(2, tune(args));
    assertEquals("tune: " + said + "\n", err);
  }
}

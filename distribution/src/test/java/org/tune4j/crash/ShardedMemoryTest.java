package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.checkpoint.SafetensorsWriter;
import org.tune4j.checkpoint.StoredTensor;

/**
 * What ranks hold of frozen weights that are read, not mapped: of a Llama of 450 million random
 * weights in 64 layers, so that weights are most of a process.
 */
@Tag("long")
@EnabledOnOs(value = OS.LINUX, disabledReason = "memory is read from /proc")
@Tag("process")
class ShardedMemoryTest {
  private static final Pattern PEAK = Pattern.compile("VmHWM:\\s*(\\d+) kB");
  private static final int DIM = 768;
  private static final int INNER = 2048;
  private static final int LAYERS = 64;

  @TempDir Path temp;
  private long weights;

  @Test
  void fsdp_ofTwoRanks_keepsLessThan65PerCentOfTheWeights() throws Exception {
    Path model = model();
    long one = peak(run(model, "one", List.of("run")), false);
    long two = peak(run(model, "two", List.of("run", "--nproc_per_node=2"), "strategy=fsdp"), true);
    double share = 1 - (double) (one - two) / weights;
    System.out.printf("one %d, a rank of two %d of %d MiB: %.2f%n", one, two, weights, share);
    assertTrue(share > 0.5 && share < 0.65, () -> "share " + share);
  }

  @Test
  void threads_ofFourRanks_haveOneCopyOfTheWeights() throws Exception {
    Path model = model();
    long one = peak(run(model, "one", List.of("run")), false);
    long four =
        peak(
            run(
                model,
                "four",
                List.of("run", "--nproc_per_node=4", "--ranks=threads"),
                "strategy=ddp"),
            false);
    System.out.printf("one %d, four threads %d MiB, weights %d%n", one, four, weights);
    assertTrue(four - one < weights / 2, () -> one + " " + four);
  }

  private TuneProcess run(Path model, String name, List<String> command, String... changes)
      throws IOException {
    List<String> all =
        TuneProcess.arguments(
            "javacpp",
            temp.resolve(name),
            "checkpointer.checkpoint_dir=" + model,
            "dtype=bf16",
            "mmap=false",
            "threads=1",
            "gradient_accumulation_steps=1",
            "max_steps_per_epoch=2",
            "enable_activation_checkpointing=true");
    all.remove(0);
    if (command.size() > 1) {
      all.set(0, "lora_finetune_distributed");
    }
    all.addAll(List.of(changes));
    return TuneProcess.tune(temp, TuneProcess.concat(command, all));
  }

  /** The largest peak of the process, or of those that it starts, in MiB. */
  private static long peak(TuneProcess p, boolean ofChildren) throws Exception {
    Map<Long, Long> peaks = new TreeMap<>();
    while (p.alive()) {
      List<Long> pids =
          ofChildren ? p.children().stream().map(ProcessHandle::pid).toList() : List.of(p.pid());
      pids.forEach(pid -> peaks.merge(pid, peak(pid), Math::max));
      Thread.sleep(5);
    }
    assertEquals(0, p.exitCode(), () -> p.out() + p.err());
    return peaks.values().stream().mapToLong(Long::longValue).max().orElseThrow();
  }

  private static long peak(long pid) {
    try {
      Matcher m = PEAK.matcher(Files.readString(Path.of("/proc", "" + pid, "status")));
      return m.find() ? Long.parseLong(m.group(1)) >> 10 : 0;
    } catch (IOException e) {
      return 0; // it has ended
    }
  }

  private Path model() throws IOException {
    Path folder = Files.createDirectories(temp.resolve("model"));
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    shapes.put("model.embed_tokens.weight", List.of(320L, (long) DIM));
    for (int i = 0; i < LAYERS; i++) {
      String layer = "model.layers." + i + ".";
      shapes.put(layer + "input_layernorm.weight", List.of((long) DIM));
      shapes.put(layer + "post_attention_layernorm.weight", List.of((long) DIM));
      for (String name : List.of("q", "k", "v", "o")) {
        shapes.put(layer + "self_attn." + name + "_proj.weight", List.of((long) DIM, (long) DIM));
      }
      shapes.put(layer + "mlp.gate_proj.weight", List.of((long) INNER, (long) DIM));
      shapes.put(layer + "mlp.up_proj.weight", List.of((long) INNER, (long) DIM));
      shapes.put(layer + "mlp.down_proj.weight", List.of((long) DIM, (long) INNER));
    }
    shapes.put("model.norm.weight", List.of((long) DIM));
    shapes.put("lm_head.weight", List.of(320L, (long) DIM));
    Random random = new Random(3);
    List<StoredTensor> tensors = new ArrayList<>();
    shapes.forEach((name, shape) -> tensors.add(small(name, shape, random)));
    SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors);
    weights = Files.size(folder.resolve("model.safetensors")) >> 20;
    String config =
        Files.readString(
            Path.of("../models/src/test/resources/golden/tiny/families/llama2/config.json"));
    Files.writeString(
        folder.resolve("config.json"),
        config
            .replaceAll("\"hidden_size\": \\d+", "\"hidden_size\": " + DIM)
            .replaceAll("\"intermediate_size\": \\d+", "\"intermediate_size\": " + INNER)
            .replaceAll("\"num_hidden_layers\": \\d+", "\"num_hidden_layers\": " + LAYERS)
            .replaceAll("\"head_dim\": \\d+", "\"head_dim\": " + DIM / 4)
            .replaceAll("\"dtype\": \"\\w+\"", "\"dtype\": \"bfloat16\""));
    return folder;
  }

  /** Of 1/128 to 1/32 and either sign, in bf16. */
  private static StoredTensor small(String name, List<Long> shape, Random random) {
    long elements = shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
    return new StoredTensor(
        name,
        SafetensorsType.BF16,
        shape,
        channel -> {
          byte[] bytes = new byte[Math.toIntExact(2 * elements)];
          random.nextBytes(bytes);
          for (int i = 1; i < bytes.length; i += 2) {
            bytes[i] = (byte) (bytes[i] & 0x80 | 0x3C);
          }
          channel.write(ByteBuffer.wrap(bytes));
        });
  }
}

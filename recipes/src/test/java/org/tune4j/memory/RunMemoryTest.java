package org.tune4j.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.tune4j.UsageException;
import org.tune4j.adapters.lora.AttnModule;
import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.data.Dataset;
import org.tune4j.data.Example;
import org.tune4j.loss.ChunkedCrossEntropy;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.auto.AutoModel;
import org.tune4j.models.auto.SizedModel;
import org.tune4j.optim.AdamW;
import org.tune4j.spi.Backends;
import org.tune4j.spi.KernelMemory;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Precision;
import org.tune4j.training.ComputeOptions;
import org.tune4j.training.TrainingOptions;

class RunMemoryTest {
  private static final KernelMemory KERNELS = Backends.installed().find("javacpp").kernelMemory();

  private static final Load LONG = Load.of(4, 1000);

  private static RunMemory memory(ModelSpec model, String dtype, int epochs) {
    return memory(model, dtype, epochs, null);
  }

  private static RunMemory memory(
      ModelSpec model, String dtype, int epochs, @Nullable SampledAnswers sampled) {
    return new RunMemory(
        model,
        new HuggingFaceCheckpointer(Path.of("absent"), null, Path.of("out")),
        new AdamW(1e-3, List.of(0.9, 0.999), 1e-8, 0.01, true),
        false,
        new ChunkedCrossEntropy(8, 128),
        new TrainingOptions(2, epochs, null, 1, null, 0, true, 1L),
        new ComputeOptions("javacpp", "cpu", dtype, null, 2, false, true),
        Precision.of(DType.parse(dtype)),
        null,
        sampled);
  }

  private static ModelSpec lora() {
    return SizedModel.named("smollm2_135m").lora(LoraArguments.of(AttnModule.Q_PROJ));
  }

  @Test
  void refusal_tooLittleMemory_saysWhatEachChangeTakes() {
    String text =
        memory(lora(), "fp32", 1).refusal(KERNELS, LONG, OptionalLong.of(64 << 20)).orElseThrow();
    assertTrue(
        text.matches(
            "the run takes about \\d+ MiB at its peak and \\d+ MiB are available; batch_size=2"
                + " takes \\d+, enable_activation_checkpointing=true takes \\d+, dtype=bf16 takes"
                + " \\d+, tokenizer.max_seq_len=500 takes \\d+; TUNE_MEMORY_CHECK=off starts it"
                + " anyway"),
        text);
  }

  @Test
  void refusal_enoughOrUnknownMemory_isNone() {
    RunMemory memory = memory(lora(), "bf16", 1);
    assertEquals(
        Optional.empty(), memory.refusal(KERNELS, LONG, OptionalLong.of(Long.MAX_VALUE >> 1)));
    assertEquals(Optional.empty(), memory.refusal(KERNELS, LONG, OptionalLong.empty()));
  }

  @Test
  void plan_autoModelWithoutCheckpoint_namesTheFolder() {
    UsageException e =
        assertThrows(
            UsageException.class,
            () -> memory(AutoModel.base(ModelRegistry.installed()), "bf16", 1).plan(KERNELS, LONG));
    assertEquals(
        "model 'auto_model' reads its sizes from a checkpoint's config.json, and there is no folder"
            + " absent; set checkpointer.checkpoint_dir",
        e.getMessage());
  }

  @Test
  void heaviest_manyEpochs_pairsTheLongestRows() {
    List<Example> rows = List.of(row(5), row(100), row(7), row(6), row(90), row(4), row(3), row(8));
    Load load = memory(lora(), "bf16", 200).heaviest(KERNELS, Dataset.of(rows));
    assertEquals(190, load.tokens());
  }

  @Test
  void plan_ofSampledAnswers_hasTheLongestPromptsAndWhatSamplingTakes() {
    SampledAnswers sampled = new SampledAnswers(4096, 50, true);
    RunMemory memory = memory(lora(), "fp32", 1, sampled);
    Load load = memory.heaviest(KERNELS, Dataset.of(List.of(row(5), row(100), row(7))));
    assertEquals(List.of(List.of(150), List.of(150)), load.rows());
    MemoryPlan with = memory.plan(KERNELS, load);
    MemoryPlan without = memory(lora(), "fp32", 1).plan(KERNELS, load);
    assertEquals(134_515_008L * 4, bytes(with, "packed weights"), "all frozen parameters");
    assertEquals(0, bytes(without, "packed weights"));
    long caches = 4096L * 150 * 30 * 2 * 3 * 64 * 4;
    assertEquals(caches, bytes(with, "activations"));
    assertTrue(bytes(without, "activations") < caches);
  }

  private static long bytes(MemoryPlan plan, String part) {
    return plan.parts().stream()
        .filter(p -> p.name().equals(part))
        .mapToLong(MemoryPlan.Part::bytes)
        .sum();
  }

  private static Example row(int tokens) {
    return new Example(new int[tokens], new int[tokens], new int[] {tokens});
  }
}

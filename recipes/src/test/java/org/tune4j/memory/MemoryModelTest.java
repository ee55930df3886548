package org.tune4j.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.tune4j.adapters.lora.AttnModule;
import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.adapters.lora.LoraTargets;
import org.tune4j.models.auto.SizedModel;
import org.tune4j.optim.AdamW;
import org.tune4j.spi.Backends;
import org.tune4j.spi.KernelMemory;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Precision;

class MemoryModelTest {
  private static final AdamW ADAMW = new AdamW(1e-3, List.of(0.9, 0.999), 1e-8, 0.01, true);
  private static final KernelMemory KERNELS = Backends.installed().find("javacpp").kernelMemory();
  private static final LoraArguments QV = rank(16);
  private static final long BASE = 345L << 20;

  private static LoraArguments rank(int rank) {
    LoraTargets qv =
        new LoraTargets(
            List.of(AttnModule.Q_PROJ, AttnModule.V_PROJ), false, false, null, null, null);
    return new LoraArguments(qv, rank, 16, 0);
  }

  private static MemoryModel model(
      @Nullable LoraArguments lora, DType dtype, boolean checkpoint, int threads) {
    return new MemoryModel(
        lora == null
            ? SizedModel.named("smollm2_135m").base()
            : SizedModel.named("smollm2_135m").lora(lora),
        Precision.of(dtype),
        new MemoryModel.Settings(
            KERNELS, Device.CPU, DType.BF16, checkpoint, false, ADAMW, threads, 128, 0, null));
  }

  private static void near(long measured, MemoryPlan plan) {
    assertEquals(measured, plan.mebibytes(), 0.15 * measured, plan.toString());
  }

  /** Peaks of runs of SmolLM2-135M with rows of many lengths, in docs/memory.md. */
  @Test
  void plan_runsThatWereMeasured_isWithin15PerCent() {
    LoraArguments rank8 = rank(8);
    near(2036, model(rank8, DType.BF16, false, 2).plan(Load.of(4, 231), 352L << 20));
    near(2269, model(QV, DType.BF16, false, 2).plan(Load.of(4, 215), 353L << 20));
    near(1449, model(QV, DType.BF16, true, 2).plan(Load.of(4, 215), 353L << 20));
    near(5924, model(null, DType.BF16, false, 2).plan(Load.of(2, 231), 342L << 20));
    near(2787, model(rank8, DType.FP32, false, 2).plan(Load.of(4, 215), 348L << 20));
    near(5284, model(null, DType.FP32, false, 2).plan(Load.of(2, 223), 348L << 20));
  }

  @Test
  void plan_weightsOfAnotherType_areCopied() {
    MemoryPlan same = model(QV, DType.BF16, false, 2).plan(Load.of(1, 8), BASE);
    MemoryPlan other = model(QV, DType.FP32, false, 2).plan(Load.of(1, 8), BASE);
    assertEquals(List.of("mapped, bf16"), notes(same, "weights"));
    assertEquals(List.of("read as bf16, converted to fp32"), notes(other, "weights"));
  }

  private static List<String> notes(MemoryPlan plan, String name) {
    return plan.parts().stream()
        .filter(p -> p.name().equals(name))
        .map(MemoryPlan.Part::note)
        .toList();
  }

  @Test
  void lighter_eachWay_takesLess() {
    Load load = Load.of(8, 400);
    MemoryModel full = model(null, DType.FP32, false, 2);
    long before = full.plan(load, BASE).bytes();
    assertEquals(
        List.of(
            "batch_size=4",
            "enable_activation_checkpointing=true",
            "dtype=bf16",
            "tokenizer.max_seq_len=200",
            "optimizer_in_bwd=true"),
        List.copyOf(full.lighter(load).keySet()));
    full.lighter(load)
        .forEach((way, lighter) -> assertTrue(lighter.plan(BASE).bytes() < before, way));
  }
}

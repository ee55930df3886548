package org.tune4j.models.llama3;

import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.LoraArguments;
import org.tune4j.models.ModelSpec;

/** Builders of Llama 3 (Grattafiori et al. 2024). */
public final class Llama3 {
  private static final DecoderConfig SIZES_8B =
      new DecoderConfig(128_256, 4096, 14_336, 32, 32, 8, 128, 8192, 1e-5, 500_000, null, false, 0);
  private static final DecoderConfig SIZES_70B =
      new DecoderConfig(128_256, 8192, 28_672, 80, 64, 8, 128, 8192, 1e-5, 500_000, null, false, 0);

  private Llama3() {}

  /** {@return Llama 3 8B, all of it trainable} */
  @Component(value = "llama3_8b", aliases = "torchtune.models.llama3.llama3_8b")
  public static ModelSpec base8b() {
    return ModelSpec.base("llama3_8b", SIZES_8B);
  }

  /**
   * {@return Llama 3 8B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component(value = "lora_llama3_8b", aliases = "torchtune.models.llama3.lora_llama3_8b")
  public static ModelSpec lora8b(@Inline LoraArguments lora) {
    return lora.spec("lora_llama3_8b", SIZES_8B);
  }

  /** {@return Llama 3 70B, all of it trainable} */
  @Component(value = "llama3_70b", aliases = "torchtune.models.llama3.llama3_70b")
  public static ModelSpec base70b() {
    return ModelSpec.base("llama3_70b", SIZES_70B);
  }

  /**
   * {@return Llama 3 70B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component(value = "lora_llama3_70b", aliases = "torchtune.models.llama3.lora_llama3_70b")
  public static ModelSpec lora70b(@Inline LoraArguments lora) {
    return lora.spec("lora_llama3_70b", SIZES_70B);
  }
}

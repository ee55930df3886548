package org.tune4j.models.llama31;

import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.LoraArguments;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.RopeScaling;

/** Builders of Llama 3.1: Llama 3 with rotary frequencies scaled for 131,072 tokens. */
public final class Llama31 {
  private static final RopeScaling SCALING = new RopeScaling(8, 1, 4, 8192);
  private static final DecoderConfig SIZES_8B =
      new DecoderConfig(
          128_256, 4096, 14_336, 32, 32, 8, 128, 131_072, 1e-5, 500_000, SCALING, false, 0);
  private static final DecoderConfig SIZES_70B =
      new DecoderConfig(
          128_256, 8192, 28_672, 80, 64, 8, 128, 131_072, 1e-5, 500_000, SCALING, false, 0);

  private Llama31() {}

  /** {@return Llama 3.1 8B, all of it trainable} */
  @Component(value = "llama3_1_8b", aliases = "torchtune.models.llama3_1.llama3_1_8b")
  public static ModelSpec base8b() {
    return ModelSpec.base("llama3_1_8b", SIZES_8B);
  }

  /**
   * {@return Llama 3.1 8B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component(value = "lora_llama3_1_8b", aliases = "torchtune.models.llama3_1.lora_llama3_1_8b")
  public static ModelSpec lora8b(@Inline LoraArguments lora) {
    return lora.spec("lora_llama3_1_8b", SIZES_8B);
  }

  /** {@return Llama 3.1 70B, all of it trainable} */
  @Component(value = "llama3_1_70b", aliases = "torchtune.models.llama3_1.llama3_1_70b")
  public static ModelSpec base70b() {
    return ModelSpec.base("llama3_1_70b", SIZES_70B);
  }

  /**
   * {@return Llama 3.1 70B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component(value = "lora_llama3_1_70b", aliases = "torchtune.models.llama3_1.lora_llama3_1_70b")
  public static ModelSpec lora70b(@Inline LoraArguments lora) {
    return lora.spec("lora_llama3_1_70b", SIZES_70B);
  }
}

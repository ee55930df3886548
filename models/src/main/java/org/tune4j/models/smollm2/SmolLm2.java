package org.tune4j.models.smollm2;

import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.LoraArguments;
import org.tune4j.models.ModelSpec;

/** Builders of SmolLM2 (Allal et al. 2025), with a tied head. */
public final class SmolLm2 {
  private static final DecoderConfig SIZES_135M =
      new DecoderConfig(49_152, 576, 1536, 30, 9, 3, 64, 8192, 1e-5, 100_000, null, true, 0);
  private static final DecoderConfig SIZES_360M =
      new DecoderConfig(49_152, 960, 2560, 32, 15, 5, 64, 8192, 1e-5, 100_000, null, true, 0);
  private static final DecoderConfig SIZES_1_7B =
      new DecoderConfig(49_152, 2048, 8192, 24, 32, 32, 64, 8192, 1e-5, 130_000, null, true, 0);

  private SmolLm2() {}

  /** {@return SmolLM2 135M, all of it trainable} */
  @Component("smollm2_135m")
  public static ModelSpec base135m() {
    return ModelSpec.base("smollm2_135m", SIZES_135M);
  }

  /**
   * {@return SmolLM2 135M, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component("lora_smollm2_135m")
  public static ModelSpec lora135m(@Inline LoraArguments lora) {
    return lora.spec("lora_smollm2_135m", SIZES_135M);
  }

  /** {@return SmolLM2 360M, all of it trainable} */
  @Component("smollm2_360m")
  public static ModelSpec base360m() {
    return ModelSpec.base("smollm2_360m", SIZES_360M);
  }

  /**
   * {@return SmolLM2 360M, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component("lora_smollm2_360m")
  public static ModelSpec lora360m(@Inline LoraArguments lora) {
    return lora.spec("lora_smollm2_360m", SIZES_360M);
  }

  /** {@return SmolLM2 1.7B, all of it trainable} */
  @Component("smollm2_1_7b")
  public static ModelSpec base1p7b() {
    return ModelSpec.base("smollm2_1_7b", SIZES_1_7B);
  }

  /**
   * {@return SmolLM2 1.7B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component("lora_smollm2_1_7b")
  public static ModelSpec lora1p7b(@Inline LoraArguments lora) {
    return lora.spec("lora_smollm2_1_7b", SIZES_1_7B);
  }
}

package org.tune4j.models.mistral;

import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.LoraArguments;
import org.tune4j.models.ModelSpec;

/** Builders of Mistral 7B (Jiang et al. 2023). */
public final class Mistral {
  private static final DecoderConfig SIZES_7B =
      new DecoderConfig(
          32_000, 4096, 14_336, 32, 32, 8, 128, 32_768, 1e-5, 10_000, null, false, 4096);

  private Mistral() {}

  /** {@return Mistral 7B, all of it trainable} */
  @Component(value = "mistral_7b", aliases = "torchtune.models.mistral.mistral_7b")
  public static ModelSpec base7b() {
    return ModelSpec.base("mistral_7b", SIZES_7B);
  }

  /**
   * {@return Mistral 7B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component(value = "lora_mistral_7b", aliases = "torchtune.models.mistral.lora_mistral_7b")
  public static ModelSpec lora7b(@Inline LoraArguments lora) {
    return lora.spec("lora_mistral_7b", SIZES_7B);
  }
}

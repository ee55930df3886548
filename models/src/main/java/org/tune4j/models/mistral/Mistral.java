package org.tune4j.models.mistral;

import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.llama.LlamaConfig;

/** Builders of Mistral 7B (Jiang et al. 2023). */
public final class Mistral {
  private static final LlamaConfig SIZES_7B =
      new LlamaConfig(
          new MistralFamily(),
          DecoderConfig.builder()
              .vocabSize(32_000)
              .hiddenSize(4096)
              .intermediateSize(14_336)
              .numLayers(32)
              .heads(32, 8, 128)
              .maxSeqLen(32_768)
              .normEps(1e-5)
              .rope(10_000, null)
              .slidingWindow(4096)
              .build());

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
    return ModelSpec.adapted("lora_mistral_7b", SIZES_7B, lora.config());
  }
}

package org.tune4j.models.llama;

import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelSpec;

/** Builders of Code Llama (Roziere et al. 2023). */
public final class CodeLlama2 {
  private static final LlamaConfig SIZES_7B =
      new LlamaConfig(
          DecoderConfig.builder()
              .vocabSize(32_016)
              .hiddenSize(4096)
              .intermediateSize(11_008)
              .numLayers(32)
              .heads(32, 32, 128)
              .maxSeqLen(16_384)
              .normEps(1e-5)
              .rope(1_000_000, null)
              .build());

  private CodeLlama2() {}

  /** {@return Code Llama 7B, all of it trainable} */
  @Component(value = "code_llama2_7b", aliases = "torchtune.models.code_llama2.code_llama2_7b")
  public static ModelSpec base7b() {
    return ModelSpec.base("code_llama2_7b", SIZES_7B);
  }

  /**
   * {@return Code Llama 7B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component(
      value = "lora_code_llama2_7b",
      aliases = "torchtune.models.code_llama2.lora_code_llama2_7b")
  public static ModelSpec lora7b(@Inline LoraArguments lora) {
    return ModelSpec.adapted("lora_code_llama2_7b", SIZES_7B, lora.config());
  }
}

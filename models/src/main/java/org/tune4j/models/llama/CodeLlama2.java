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
  private static final LlamaConfig SIZES_13B =
      new LlamaConfig(
          DecoderConfig.builder()
              .vocabSize(32_016)
              .hiddenSize(5120)
              .intermediateSize(13_824)
              .numLayers(40)
              .heads(40, 40, 128)
              .maxSeqLen(16_384)
              .normEps(1e-5)
              .rope(1_000_000, null)
              .build());
  private static final LlamaConfig SIZES_70B =
      new LlamaConfig(
          DecoderConfig.builder()
              .vocabSize(32_016)
              .hiddenSize(8192)
              .intermediateSize(28_672)
              .numLayers(80)
              .heads(64, 8, 128)
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

  /** {@return Code Llama 13B, all of it trainable} */
  @Component(value = "code_llama2_13b", aliases = "torchtune.models.code_llama2.code_llama2_13b")
  public static ModelSpec base13b() {
    return ModelSpec.base("code_llama2_13b", SIZES_13B);
  }

  /**
   * {@return Code Llama 13B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component(
      value = "lora_code_llama2_13b",
      aliases = "torchtune.models.code_llama2.lora_code_llama2_13b")
  public static ModelSpec lora13b(@Inline LoraArguments lora) {
    return ModelSpec.adapted("lora_code_llama2_13b", SIZES_13B, lora.config());
  }

  /** {@return Code Llama 70B, all of it trainable} */
  @Component(value = "code_llama2_70b", aliases = "torchtune.models.code_llama2.code_llama2_70b")
  public static ModelSpec base70b() {
    return ModelSpec.base("code_llama2_70b", SIZES_70B);
  }

  /**
   * {@return Code Llama 70B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component(
      value = "lora_code_llama2_70b",
      aliases = "torchtune.models.code_llama2.lora_code_llama2_70b")
  public static ModelSpec lora70b(@Inline LoraArguments lora) {
    return ModelSpec.adapted("lora_code_llama2_70b", SIZES_70B, lora.config());
  }
}

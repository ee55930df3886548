package org.tune4j.models.llama;

import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelSpec;

/** Builders of SmolLM2 (Allal et al. 2025), with a tied head. */
public final class SmolLm2 {
  private static final LlamaConfig SIZES_135M =
      new LlamaConfig(
          DecoderConfig.builder()
              .vocabSize(49_152)
              .hiddenSize(576)
              .intermediateSize(1536)
              .numLayers(30)
              .heads(9, 3, 64)
              .maxSeqLen(8192)
              .normEps(1e-5)
              .rope(100_000, null)
              .tieWordEmbeddings(true)
              .build());
  private static final LlamaConfig SIZES_360M =
      new LlamaConfig(
          DecoderConfig.builder()
              .vocabSize(49_152)
              .hiddenSize(960)
              .intermediateSize(2560)
              .numLayers(32)
              .heads(15, 5, 64)
              .maxSeqLen(8192)
              .normEps(1e-5)
              .rope(100_000, null)
              .tieWordEmbeddings(true)
              .build());
  private static final LlamaConfig SIZES_1_7B =
      new LlamaConfig(
          DecoderConfig.builder()
              .vocabSize(49_152)
              .hiddenSize(2048)
              .intermediateSize(8192)
              .numLayers(24)
              .heads(32, 32, 64)
              .maxSeqLen(8192)
              .normEps(1e-5)
              .rope(130_000, null)
              .tieWordEmbeddings(true)
              .build());

  private SmolLm2() {}

  /** {@return SmolLM2 135M, all of it trainable} */
  @Component(value = "smollm2_135m", aliases = "torchtune.models.smol.smollm2_135m")
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
    return ModelSpec.adapted("lora_smollm2_135m", SIZES_135M, lora.config());
  }

  /** {@return SmolLM2 360M, all of it trainable} */
  @Component(value = "smollm2_360m", aliases = "torchtune.models.smol.smollm2_360m")
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
    return ModelSpec.adapted("lora_smollm2_360m", SIZES_360M, lora.config());
  }

  /** {@return SmolLM2 1.7B, all of it trainable} */
  @Component(value = "smollm2_1_7b", aliases = "torchtune.models.smol.smollm2_1_7b")
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
    return ModelSpec.adapted("lora_smollm2_1_7b", SIZES_1_7B, lora.config());
  }
}

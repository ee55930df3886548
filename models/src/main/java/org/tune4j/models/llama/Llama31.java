package org.tune4j.models.llama;

import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.layers.RopeScaling;

/** Builders of Llama 3.1: Llama 3 with rotary frequencies scaled for 131,072 tokens. */
public final class Llama31 {
  private static final RopeScaling SCALING = new RopeScaling.Llama3(8, 1, 4, 8192);
  private static final LlamaConfig SIZES_8B =
      new LlamaConfig(
          DecoderConfig.builder()
              .vocabSize(128_256)
              .hiddenSize(4096)
              .intermediateSize(14_336)
              .numLayers(32)
              .heads(32, 8, 128)
              .maxSeqLen(131_072)
              .normEps(1e-5)
              .rope(500_000, SCALING)
              .build());
  private static final LlamaConfig SIZES_70B =
      new LlamaConfig(
          DecoderConfig.builder()
              .vocabSize(128_256)
              .hiddenSize(8192)
              .intermediateSize(28_672)
              .numLayers(80)
              .heads(64, 8, 128)
              .maxSeqLen(131_072)
              .normEps(1e-5)
              .rope(500_000, SCALING)
              .build());
  private static final LlamaConfig SIZES_405B =
      new LlamaConfig(
          DecoderConfig.builder()
              .vocabSize(128_256)
              .hiddenSize(16_384)
              .intermediateSize(53_248)
              .numLayers(126)
              .heads(128, 8, 128)
              .maxSeqLen(131_072)
              .normEps(1e-5)
              .rope(500_000, SCALING)
              .build());

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
    return ModelSpec.adapted("lora_llama3_1_8b", SIZES_8B, lora.config());
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
    return ModelSpec.adapted("lora_llama3_1_70b", SIZES_70B, lora.config());
  }

  /** {@return Llama 3.1 405B, all of it trainable} */
  @Component(value = "llama3_1_405b", aliases = "torchtune.models.llama3_1.llama3_1_405b")
  public static ModelSpec base405b() {
    return ModelSpec.base("llama3_1_405b", SIZES_405B);
  }

  /**
   * {@return Llama 3.1 405B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component(value = "lora_llama3_1_405b", aliases = "torchtune.models.llama3_1.lora_llama3_1_405b")
  public static ModelSpec lora405b(@Inline LoraArguments lora) {
    return ModelSpec.adapted("lora_llama3_1_405b", SIZES_405B, lora.config());
  }

  /** {@return Llama 3.3 70B, with the sizes of Llama 3.1 70B, all of it trainable} */
  @Component(value = "llama3_3_70b", aliases = "torchtune.models.llama3_3.llama3_3_70b")
  public static ModelSpec llama33Base70b() {
    return ModelSpec.base("llama3_3_70b", SIZES_70B);
  }

  /**
   * {@return Llama 3.3 70B, with the sizes of Llama 3.1 70B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component(value = "lora_llama3_3_70b", aliases = "torchtune.models.llama3_3.lora_llama3_3_70b")
  public static ModelSpec llama33Lora70b(@Inline LoraArguments lora) {
    return ModelSpec.adapted("lora_llama3_3_70b", SIZES_70B, lora.config());
  }
}

package org.tune4j.models.llama;

import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.layers.RopeScaling;

/** Builders of Llama 3.2: small, with scaled rotary frequencies and a tied head. */
public final class Llama32 {
  private static final RopeScaling SCALING = new RopeScaling.Llama3(32, 1, 4, 8192);
  private static final LlamaConfig SIZES_1B =
      new LlamaConfig(
          DecoderConfig.builder()
              .vocabSize(128_256)
              .hiddenSize(2048)
              .intermediateSize(8192)
              .numLayers(16)
              .heads(32, 8, 64)
              .maxSeqLen(131_072)
              .normEps(1e-5)
              .rope(500_000, SCALING)
              .tieWordEmbeddings(true)
              .build());
  private static final LlamaConfig SIZES_3B =
      new LlamaConfig(
          DecoderConfig.builder()
              .vocabSize(128_256)
              .hiddenSize(3072)
              .intermediateSize(8192)
              .numLayers(28)
              .heads(24, 8, 128)
              .maxSeqLen(131_072)
              .normEps(1e-5)
              .rope(500_000, SCALING)
              .tieWordEmbeddings(true)
              .build());

  private Llama32() {}

  /** {@return Llama 3.2 1B, all of it trainable} */
  @Component(value = "llama3_2_1b", aliases = "torchtune.models.llama3_2.llama3_2_1b")
  public static ModelSpec base1b() {
    return ModelSpec.base("llama3_2_1b", SIZES_1B);
  }

  /**
   * {@return Llama 3.2 1B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component(value = "lora_llama3_2_1b", aliases = "torchtune.models.llama3_2.lora_llama3_2_1b")
  public static ModelSpec lora1b(@Inline LoraArguments lora) {
    return ModelSpec.adapted("lora_llama3_2_1b", SIZES_1B, lora.config());
  }

  /** {@return Llama 3.2 3B, all of it trainable} */
  @Component(value = "llama3_2_3b", aliases = "torchtune.models.llama3_2.llama3_2_3b")
  public static ModelSpec base3b() {
    return ModelSpec.base("llama3_2_3b", SIZES_3B);
  }

  /**
   * {@return Llama 3.2 3B, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component(value = "lora_llama3_2_3b", aliases = "torchtune.models.llama3_2.lora_llama3_2_3b")
  public static ModelSpec lora3b(@Inline LoraArguments lora) {
    return ModelSpec.adapted("lora_llama3_2_3b", SIZES_3B, lora.config());
  }
}

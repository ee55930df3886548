package org.tune4j.models.llama31;

import java.util.List;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.models.AttnModule;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.LoraConfig;
import org.tune4j.models.LoraDoc;
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

  /** Plain, all of it trainable. */
  @Component(value = "llama3_1_8b", aliases = "torchtune.models.llama3_1.llama3_1_8b")
  public static ModelSpec base8b() {
    return ModelSpec.base("llama3_1_8b", SIZES_8B);
  }

  /** With LoRA on a frozen base. */
  @Component(value = "lora_llama3_1_8b", aliases = "torchtune.models.llama3_1.lora_llama3_1_8b")
  public static ModelSpec lora8b(
      @Doc(LoraDoc.ATTN_MODULES) List<AttnModule> loraAttnModules,
      @Doc(LoraDoc.TO_MLP) @Default("false") boolean applyLoraToMlp,
      @Doc(LoraDoc.TO_OUTPUT) @Default("false") boolean applyLoraToOutput,
      @Doc(LoraDoc.RANK) @Default("8") int loraRank,
      @Doc(LoraDoc.ALPHA) @Default("16") double loraAlpha,
      @Doc(LoraDoc.DROPOUT) @Default("0.0") double loraDropout,
      @Doc(LoraDoc.QUANTIZE) @Default("false") boolean quantizeBase,
      @Doc(LoraDoc.DORA) @Default("false") boolean useDora) {
    return ModelSpec.lora(
        "lora_llama3_1_8b",
        SIZES_8B,
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout),
        quantizeBase,
        useDora);
  }

  /** Plain, all of it trainable. */
  @Component(value = "llama3_1_70b", aliases = "torchtune.models.llama3_1.llama3_1_70b")
  public static ModelSpec base70b() {
    return ModelSpec.base("llama3_1_70b", SIZES_70B);
  }

  /** With LoRA on a frozen base. */
  @Component(value = "lora_llama3_1_70b", aliases = "torchtune.models.llama3_1.lora_llama3_1_70b")
  public static ModelSpec lora70b(
      @Doc(LoraDoc.ATTN_MODULES) List<AttnModule> loraAttnModules,
      @Doc(LoraDoc.TO_MLP) @Default("false") boolean applyLoraToMlp,
      @Doc(LoraDoc.TO_OUTPUT) @Default("false") boolean applyLoraToOutput,
      @Doc(LoraDoc.RANK) @Default("8") int loraRank,
      @Doc(LoraDoc.ALPHA) @Default("16") double loraAlpha,
      @Doc(LoraDoc.DROPOUT) @Default("0.0") double loraDropout,
      @Doc(LoraDoc.QUANTIZE) @Default("false") boolean quantizeBase,
      @Doc(LoraDoc.DORA) @Default("false") boolean useDora) {
    return ModelSpec.lora(
        "lora_llama3_1_70b",
        SIZES_70B,
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout),
        quantizeBase,
        useDora);
  }
}

package org.tune4j.models.llama32;

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

/** Builders of Llama 3.2: small, with scaled rotary frequencies and a tied head. */
public final class Llama32 {
  private static final RopeScaling SCALING = new RopeScaling(32, 1, 4, 8192);
  private static final DecoderConfig SIZES_1B =
      new DecoderConfig(
          128_256, 2048, 8192, 16, 32, 8, 64, 131_072, 1e-5, 500_000, SCALING, true, 0);
  private static final DecoderConfig SIZES_3B =
      new DecoderConfig(
          128_256, 3072, 8192, 28, 24, 8, 128, 131_072, 1e-5, 500_000, SCALING, true, 0);

  private Llama32() {}

  /** Plain, all of it trainable. */
  @Component(value = "llama3_2_1b", aliases = "torchtune.models.llama3_2.llama3_2_1b")
  public static ModelSpec base1b() {
    return ModelSpec.base("llama3_2_1b", SIZES_1B);
  }

  /** With LoRA on a frozen base. */
  @Component(value = "lora_llama3_2_1b", aliases = "torchtune.models.llama3_2.lora_llama3_2_1b")
  public static ModelSpec lora1b(
      @Doc(LoraDoc.ATTN_MODULES) List<AttnModule> loraAttnModules,
      @Doc(LoraDoc.TO_MLP) @Default("false") boolean applyLoraToMlp,
      @Doc(LoraDoc.TO_OUTPUT) @Default("false") boolean applyLoraToOutput,
      @Doc(LoraDoc.RANK) @Default("8") int loraRank,
      @Doc(LoraDoc.ALPHA) @Default("16") double loraAlpha,
      @Doc(LoraDoc.DROPOUT) @Default("0.0") double loraDropout,
      @Doc(LoraDoc.QUANTIZE) @Default("false") boolean quantizeBase,
      @Doc(LoraDoc.DORA) @Default("false") boolean useDora) {
    return ModelSpec.lora(
        "lora_llama3_2_1b",
        SIZES_1B,
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout),
        quantizeBase,
        useDora);
  }

  /** Plain, all of it trainable. */
  @Component(value = "llama3_2_3b", aliases = "torchtune.models.llama3_2.llama3_2_3b")
  public static ModelSpec base3b() {
    return ModelSpec.base("llama3_2_3b", SIZES_3B);
  }

  /** With LoRA on a frozen base. */
  @Component(value = "lora_llama3_2_3b", aliases = "torchtune.models.llama3_2.lora_llama3_2_3b")
  public static ModelSpec lora3b(
      @Doc(LoraDoc.ATTN_MODULES) List<AttnModule> loraAttnModules,
      @Doc(LoraDoc.TO_MLP) @Default("false") boolean applyLoraToMlp,
      @Doc(LoraDoc.TO_OUTPUT) @Default("false") boolean applyLoraToOutput,
      @Doc(LoraDoc.RANK) @Default("8") int loraRank,
      @Doc(LoraDoc.ALPHA) @Default("16") double loraAlpha,
      @Doc(LoraDoc.DROPOUT) @Default("0.0") double loraDropout,
      @Doc(LoraDoc.QUANTIZE) @Default("false") boolean quantizeBase,
      @Doc(LoraDoc.DORA) @Default("false") boolean useDora) {
    return ModelSpec.lora(
        "lora_llama3_2_3b",
        SIZES_3B,
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout),
        quantizeBase,
        useDora);
  }
}

package org.tune4j.models.smollm2;

import java.util.List;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.models.AttnModule;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.LoraConfig;
import org.tune4j.models.LoraDoc;
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

  /** Plain, all of it trainable. */
  @Component("smollm2_135m")
  public static ModelSpec base135m() {
    return ModelSpec.base("smollm2_135m", SIZES_135M);
  }

  /** With LoRA on a frozen base. */
  @Component("lora_smollm2_135m")
  public static ModelSpec lora135m(
      @Doc(LoraDoc.ATTN_MODULES) List<AttnModule> loraAttnModules,
      @Doc(LoraDoc.TO_MLP) @Default("false") boolean applyLoraToMlp,
      @Doc(LoraDoc.TO_OUTPUT) @Default("false") boolean applyLoraToOutput,
      @Doc(LoraDoc.RANK) @Default("8") int loraRank,
      @Doc(LoraDoc.ALPHA) @Default("16") double loraAlpha,
      @Doc(LoraDoc.DROPOUT) @Default("0.0") double loraDropout,
      @Doc(LoraDoc.QUANTIZE) @Default("false") boolean quantizeBase,
      @Doc(LoraDoc.DORA) @Default("false") boolean useDora) {
    return ModelSpec.lora(
        "lora_smollm2_135m",
        SIZES_135M,
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout),
        quantizeBase,
        useDora);
  }

  /** Plain, all of it trainable. */
  @Component("smollm2_360m")
  public static ModelSpec base360m() {
    return ModelSpec.base("smollm2_360m", SIZES_360M);
  }

  /** With LoRA on a frozen base. */
  @Component("lora_smollm2_360m")
  public static ModelSpec lora360m(
      @Doc(LoraDoc.ATTN_MODULES) List<AttnModule> loraAttnModules,
      @Doc(LoraDoc.TO_MLP) @Default("false") boolean applyLoraToMlp,
      @Doc(LoraDoc.TO_OUTPUT) @Default("false") boolean applyLoraToOutput,
      @Doc(LoraDoc.RANK) @Default("8") int loraRank,
      @Doc(LoraDoc.ALPHA) @Default("16") double loraAlpha,
      @Doc(LoraDoc.DROPOUT) @Default("0.0") double loraDropout,
      @Doc(LoraDoc.QUANTIZE) @Default("false") boolean quantizeBase,
      @Doc(LoraDoc.DORA) @Default("false") boolean useDora) {
    return ModelSpec.lora(
        "lora_smollm2_360m",
        SIZES_360M,
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout),
        quantizeBase,
        useDora);
  }

  /** Plain, all of it trainable. */
  @Component("smollm2_1_7b")
  public static ModelSpec base1p7b() {
    return ModelSpec.base("smollm2_1_7b", SIZES_1_7B);
  }

  /** With LoRA on a frozen base. */
  @Component("lora_smollm2_1_7b")
  public static ModelSpec lora1p7b(
      @Doc(LoraDoc.ATTN_MODULES) List<AttnModule> loraAttnModules,
      @Doc(LoraDoc.TO_MLP) @Default("false") boolean applyLoraToMlp,
      @Doc(LoraDoc.TO_OUTPUT) @Default("false") boolean applyLoraToOutput,
      @Doc(LoraDoc.RANK) @Default("8") int loraRank,
      @Doc(LoraDoc.ALPHA) @Default("16") double loraAlpha,
      @Doc(LoraDoc.DROPOUT) @Default("0.0") double loraDropout,
      @Doc(LoraDoc.QUANTIZE) @Default("false") boolean quantizeBase,
      @Doc(LoraDoc.DORA) @Default("false") boolean useDora) {
    return ModelSpec.lora(
        "lora_smollm2_1_7b",
        SIZES_1_7B,
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout),
        quantizeBase,
        useDora);
  }
}

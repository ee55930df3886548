package org.tune4j.models.llama2;

import java.util.List;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.models.AttnModule;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.LoraConfig;
import org.tune4j.models.LoraDoc;
import org.tune4j.models.ModelSpec;

/** Builders of Llama 2 (Touvron et al. 2023). */
public final class Llama2 {
  private static final DecoderConfig SIZES_7B =
      new DecoderConfig(32_000, 4096, 11_008, 32, 32, 32, 128, 4096, 1e-5, 10_000, null, false, 0);
  private static final DecoderConfig SIZES_13B =
      new DecoderConfig(32_000, 5120, 13_824, 40, 40, 40, 128, 4096, 1e-5, 10_000, null, false, 0);
  private static final DecoderConfig SIZES_70B =
      new DecoderConfig(32_000, 8192, 28_672, 80, 64, 8, 128, 4096, 1e-5, 10_000, null, false, 0);

  private Llama2() {}

  /** Plain, all of it trainable. */
  @Component(value = "llama2_7b", aliases = "torchtune.models.llama2.llama2_7b")
  public static ModelSpec base7b() {
    return ModelSpec.base("llama2_7b", SIZES_7B);
  }

  /** With LoRA on a frozen base. */
  @Component(value = "lora_llama2_7b", aliases = "torchtune.models.llama2.lora_llama2_7b")
  public static ModelSpec lora7b(
      @Doc(LoraDoc.ATTN_MODULES) List<AttnModule> loraAttnModules,
      @Doc(LoraDoc.TO_MLP) @Default("false") boolean applyLoraToMlp,
      @Doc(LoraDoc.TO_OUTPUT) @Default("false") boolean applyLoraToOutput,
      @Doc(LoraDoc.RANK) @Default("8") int loraRank,
      @Doc(LoraDoc.ALPHA) @Default("16") double loraAlpha,
      @Doc(LoraDoc.DROPOUT) @Default("0.0") double loraDropout,
      @Doc(LoraDoc.QUANTIZE) @Default("false") boolean quantizeBase,
      @Doc(LoraDoc.DORA) @Default("false") boolean useDora) {
    return ModelSpec.lora(
        "lora_llama2_7b",
        SIZES_7B,
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout),
        quantizeBase,
        useDora);
  }

  /** Plain, all of it trainable. */
  @Component(value = "llama2_13b", aliases = "torchtune.models.llama2.llama2_13b")
  public static ModelSpec base13b() {
    return ModelSpec.base("llama2_13b", SIZES_13B);
  }

  /** With LoRA on a frozen base. */
  @Component(value = "lora_llama2_13b", aliases = "torchtune.models.llama2.lora_llama2_13b")
  public static ModelSpec lora13b(
      @Doc(LoraDoc.ATTN_MODULES) List<AttnModule> loraAttnModules,
      @Doc(LoraDoc.TO_MLP) @Default("false") boolean applyLoraToMlp,
      @Doc(LoraDoc.TO_OUTPUT) @Default("false") boolean applyLoraToOutput,
      @Doc(LoraDoc.RANK) @Default("8") int loraRank,
      @Doc(LoraDoc.ALPHA) @Default("16") double loraAlpha,
      @Doc(LoraDoc.DROPOUT) @Default("0.0") double loraDropout,
      @Doc(LoraDoc.QUANTIZE) @Default("false") boolean quantizeBase,
      @Doc(LoraDoc.DORA) @Default("false") boolean useDora) {
    return ModelSpec.lora(
        "lora_llama2_13b",
        SIZES_13B,
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout),
        quantizeBase,
        useDora);
  }

  /** Plain, all of it trainable. */
  @Component(value = "llama2_70b", aliases = "torchtune.models.llama2.llama2_70b")
  public static ModelSpec base70b() {
    return ModelSpec.base("llama2_70b", SIZES_70B);
  }

  /** With LoRA on a frozen base. */
  @Component(value = "lora_llama2_70b", aliases = "torchtune.models.llama2.lora_llama2_70b")
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
        "lora_llama2_70b",
        SIZES_70B,
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout),
        quantizeBase,
        useDora);
  }
}

package org.tune4j.models.codellama2;

import java.util.List;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.models.AttnModule;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.LoraConfig;
import org.tune4j.models.LoraDoc;
import org.tune4j.models.ModelSpec;

/** Builders of Code Llama (Roziere et al. 2023). */
public final class CodeLlama2 {
  private static final DecoderConfig SIZES_7B =
      new DecoderConfig(
          32_016, 4096, 11_008, 32, 32, 32, 128, 16_384, 1e-5, 1_000_000, null, false, 0);

  private CodeLlama2() {}

  /** Plain, all of it trainable. */
  @Component(value = "code_llama2_7b", aliases = "torchtune.models.code_llama2.code_llama2_7b")
  public static ModelSpec base7b() {
    return ModelSpec.base("code_llama2_7b", SIZES_7B);
  }

  /** With LoRA on a frozen base. */
  @Component(
      value = "lora_code_llama2_7b",
      aliases = "torchtune.models.code_llama2.lora_code_llama2_7b")
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
        "lora_code_llama2_7b",
        SIZES_7B,
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout),
        quantizeBase,
        useDora);
  }
}

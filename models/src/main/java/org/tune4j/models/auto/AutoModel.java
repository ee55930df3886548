package org.tune4j.models.auto;

import java.util.List;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.models.AttnModule;
import org.tune4j.models.LoraConfig;
import org.tune4j.models.LoraDoc;
import org.tune4j.models.ModelSpec;

/** Builders of any Llama-type model, sized by the checkpoint's {@code config.json}. */
public final class AutoModel {
  private AutoModel() {}

  /** Plain, all of it trainable. */
  @Component("auto_model")
  public static ModelSpec base() {
    return ModelSpec.base("auto_model", null);
  }

  /** With LoRA on a frozen base. */
  @Component("lora_auto")
  public static ModelSpec lora(
      @Doc(LoraDoc.ATTN_MODULES) List<AttnModule> loraAttnModules,
      @Doc(LoraDoc.TO_MLP) @Default("false") boolean applyLoraToMlp,
      @Doc(LoraDoc.TO_OUTPUT) @Default("false") boolean applyLoraToOutput,
      @Doc(LoraDoc.RANK) @Default("8") int loraRank,
      @Doc(LoraDoc.ALPHA) @Default("16") double loraAlpha,
      @Doc(LoraDoc.DROPOUT) @Default("0.0") double loraDropout,
      @Doc(LoraDoc.QUANTIZE) @Default("false") boolean quantizeBase,
      @Doc(LoraDoc.DORA) @Default("false") boolean useDora) {
    return ModelSpec.lora(
        "lora_auto",
        null,
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout),
        quantizeBase,
        useDora);
  }
}

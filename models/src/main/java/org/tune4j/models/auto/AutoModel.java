package org.tune4j.models.auto;

import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.component.Provided;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;

/**
 * Builders of any model, sized by the checkpoint's {@code config.json}. torchtune's builders of
 * families that have none of their own here stand for them.
 */
public final class AutoModel {
  private AutoModel() {}

  /**
   * {@return a model sized by its checkpoint, all of it trainable}
   *
   * @param models the families there are
   */
  @Component(
      value = "auto_model",
      aliases = {
        "torchtune.models.gemma.gemma_2b",
        "torchtune.models.gemma.gemma_7b",
        "torchtune.models.gemma2.gemma2_27b",
        "torchtune.models.gemma2.gemma2_2b",
        "torchtune.models.gemma2.gemma2_9b",
        "torchtune.models.phi3.phi3_mini",
        "torchtune.models.phi4.phi4_14b",
        "torchtune.models.qwen2.qwen2_0_5b",
        "torchtune.models.qwen2.qwen2_1_5b",
        "torchtune.models.qwen2.qwen2_7b",
        "torchtune.models.qwen2_5.qwen2_5_0_5b",
        "torchtune.models.qwen2_5.qwen2_5_14b_base",
        "torchtune.models.qwen2_5.qwen2_5_14b_instruct",
        "torchtune.models.qwen2_5.qwen2_5_1_5b_base",
        "torchtune.models.qwen2_5.qwen2_5_1_5b_instruct",
        "torchtune.models.qwen2_5.qwen2_5_32b_base",
        "torchtune.models.qwen2_5.qwen2_5_32b_instruct",
        "torchtune.models.qwen2_5.qwen2_5_3b",
        "torchtune.models.qwen2_5.qwen2_5_72b_base",
        "torchtune.models.qwen2_5.qwen2_5_72b_instruct",
        "torchtune.models.qwen2_5.qwen2_5_7b_base",
        "torchtune.models.qwen2_5.qwen2_5_7b_instruct",
        "torchtune.models.qwen3.qwen3_0_6b_base",
        "torchtune.models.qwen3.qwen3_0_6b_instruct",
        "torchtune.models.qwen3.qwen3_14b_base",
        "torchtune.models.qwen3.qwen3_14b_instruct",
        "torchtune.models.qwen3.qwen3_1_7b_base",
        "torchtune.models.qwen3.qwen3_1_7b_instruct",
        "torchtune.models.qwen3.qwen3_32b",
        "torchtune.models.qwen3.qwen3_4b_base",
        "torchtune.models.qwen3.qwen3_4b_instruct",
        "torchtune.models.qwen3.qwen3_8b_base",
        "torchtune.models.qwen3.qwen3_8b_instruct"
      })
  public static ModelSpec base(@Provided ModelRegistry models) {
    return new ModelSpec("auto_model", models, null, null);
  }

  /**
   * {@return a model sized by its checkpoint, frozen, with LoRA's adapters}
   *
   * @param models the families there are
   * @param lora which linears are adapted, and how
   */
  @Component(
      value = "lora_auto",
      aliases = {
        "torchtune.models.gemma.lora_gemma_2b",
        "torchtune.models.gemma.lora_gemma_7b",
        "torchtune.models.gemma2.lora_gemma2_27b",
        "torchtune.models.gemma2.lora_gemma2_2b",
        "torchtune.models.gemma2.lora_gemma2_9b",
        "torchtune.models.phi3.lora_phi3_mini",
        "torchtune.models.phi4.lora_phi4_14b",
        "torchtune.models.qwen2.lora_qwen2_0_5b",
        "torchtune.models.qwen2.lora_qwen2_1_5b",
        "torchtune.models.qwen2.lora_qwen2_7b",
        "torchtune.models.qwen2_5.lora_qwen2_5_0_5b",
        "torchtune.models.qwen2_5.lora_qwen2_5_14b_base",
        "torchtune.models.qwen2_5.lora_qwen2_5_14b_instruct",
        "torchtune.models.qwen2_5.lora_qwen2_5_1_5b_base",
        "torchtune.models.qwen2_5.lora_qwen2_5_1_5b_instruct",
        "torchtune.models.qwen2_5.lora_qwen2_5_32b_base",
        "torchtune.models.qwen2_5.lora_qwen2_5_32b_instruct",
        "torchtune.models.qwen2_5.lora_qwen2_5_3b",
        "torchtune.models.qwen2_5.lora_qwen2_5_72b_base",
        "torchtune.models.qwen2_5.lora_qwen2_5_72b_instruct",
        "torchtune.models.qwen2_5.lora_qwen2_5_7b",
        "torchtune.models.qwen2_5.lora_qwen2_5_7b_base",
        "torchtune.models.qwen2_5.lora_qwen2_5_7b_instruct",
        "torchtune.models.qwen3.lora_qwen3_0_6b_base",
        "torchtune.models.qwen3.lora_qwen3_0_6b_instruct",
        "torchtune.models.qwen3.lora_qwen3_14b_base",
        "torchtune.models.qwen3.lora_qwen3_14b_instruct",
        "torchtune.models.qwen3.lora_qwen3_1_7b_base",
        "torchtune.models.qwen3.lora_qwen3_1_7b_instruct",
        "torchtune.models.qwen3.lora_qwen3_32b",
        "torchtune.models.qwen3.lora_qwen3_4b_base",
        "torchtune.models.qwen3.lora_qwen3_4b_instruct",
        "torchtune.models.qwen3.lora_qwen3_8b_base",
        "torchtune.models.qwen3.lora_qwen3_8b_instruct"
      })
  public static ModelSpec lora(@Provided ModelRegistry models, @Inline LoraArguments lora) {
    return new ModelSpec("lora_auto", models, null, lora.config());
  }
}

package org.tune4j.models.auto;

import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.models.LoraArguments;
import org.tune4j.models.ModelSpec;

/** Builders of any Llama-type model, sized by the checkpoint's {@code config.json}. */
public final class AutoModel {
  private AutoModel() {}

  /** {@return a model sized by its checkpoint, all of it trainable} */
  @Component("auto_model")
  public static ModelSpec base() {
    return ModelSpec.base("auto_model", null);
  }

  /**
   * {@return a model sized by its checkpoint, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component("lora_auto")
  public static ModelSpec lora(@Inline LoraArguments lora) {
    return lora.spec("lora_auto", null);
  }
}

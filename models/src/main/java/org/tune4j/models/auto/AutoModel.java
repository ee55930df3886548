package org.tune4j.models.auto;

import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.component.Provided;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;

/** Builders of any model, sized by the checkpoint's {@code config.json}. */
public final class AutoModel {
  private AutoModel() {}

  /**
   * {@return a model sized by its checkpoint, all of it trainable}
   *
   * @param models the families there are
   */
  @Component("auto_model")
  public static ModelSpec base(@Provided ModelRegistry models) {
    return new ModelSpec("auto_model", models, null, null);
  }

  /**
   * {@return a model sized by its checkpoint, frozen, with LoRA's adapters}
   *
   * @param models the families there are
   * @param lora which linears are adapted, and how; without any key, the adapter that training
   *     starts from says it
   */
  @Component("lora_auto")
  public static ModelSpec lora(@Provided ModelRegistry models, @Inline LoraArguments lora) {
    return new ModelSpec(
        "lora_auto", models, null, lora.isDefault() ? new AsSaved(models) : lora.config());
  }
}

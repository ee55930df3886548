package org.tune4j.models;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.component.Requirements;
import org.tune4j.tensor.DType;

/**
 * What a model builder named in a config stands for.
 *
 * @param name the builder's
 * @param config null where the checkpoint's {@code config.json} decides
 * @param lora null for a plain model
 */
public record ModelSpec(String name, @Nullable DecoderConfig config, @Nullable LoraConfig lora) {
  /**
   * The same with the sizes that a checkpoint has. A builder with sizes of its own keeps the
   * checkpoint's longest row and must agree in all else: weights of the same shapes may belong to
   * other rotary frequencies, and would compute something, wrongly.
   *
   * @param read of {@code config.json}
   * @return whose sizes are known
   * @throws UsageException naming what differs
   */
  public ModelSpec withConfig(DecoderConfig read) {
    if (config != null) {
      List<String> differences = config.differences(read);
      if (!differences.isEmpty()) {
        throw new UsageException(
            "the checkpoint is not model '%s': %s; name the checkpoint's own builder, or %s, which reads config.json"
                .formatted(
                    name,
                    String.join(", ", differences),
                    lora == null ? "auto_model" : "lora_auto"));
      }
    }
    return new ModelSpec(name, read, lora);
  }

  /**
   * {@return the model, without storage}
   *
   * @param dtype of weights, adapters and activations
   * @throws UsageException when the sizes are still to be read from {@code config.json}
   */
  public Decoder build(DType dtype) {
    if (config == null) {
      throw new UsageException(
          "model '%s' takes its sizes from a checkpoint's config.json; set checkpointer.checkpoint_dir"
              .formatted(name));
    }
    return new Decoder(config, lora, dtype);
  }

  /**
   * {@return a plain model's}
   *
   * @param name of its builder
   * @param config null where {@code config.json} says it
   */
  public static ModelSpec base(String name, @Nullable DecoderConfig config) {
    return new ModelSpec(name, config, null);
  }

  /**
   * {@return a LoRA model's, of a builder's arguments}
   *
   * @param name of its builder
   * @param config null where {@code config.json} says it
   * @param lora which linears are adapted, and how
   * @param quantizeBase is refused
   * @param useDora is refused
   * @throws UsageException naming what is refused
   */
  public static ModelSpec lora(
      String name,
      @Nullable DecoderConfig config,
      LoraConfig lora,
      boolean quantizeBase,
      boolean useDora) {
    new Requirements()
        .that(
            !quantizeBase,
            "model '%s': quantize_base=true (QLoRA) is not supported yet; set it to false"
                .formatted(name))
        .that(
            !useDora,
            "model '%s': use_dora=true is not supported yet; set it to false".formatted(name))
        .check();
    return new ModelSpec(name, config, lora);
  }
}

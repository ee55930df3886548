package org.tune4j.models;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Precision;

/**
 * What a model builder named in a config stands for.
 *
 * @param name the builder's
 * @param reader of a checkpoint's {@code config.json}
 * @param config null where the checkpoint's {@code config.json} decides
 * @param adapter null for a plain model
 * @param quantisation of a frozen model's weights
 */
public record ModelSpec(
    String name,
    ModelReader reader,
    @Nullable ModelConfig config,
    @Nullable AdapterConfig adapter,
    Quantisation quantisation) {
  /**
   * A model whose weights are as its checkpoint has them.
   *
   * @param name the builder's
   * @param reader of a checkpoint's {@code config.json}
   * @param config null where the checkpoint's {@code config.json} decides
   * @param adapter null for a plain model
   */
  public ModelSpec(
      String name,
      ModelReader reader,
      @Nullable ModelConfig config,
      @Nullable AdapterConfig adapter) {
    this(name, reader, config, adapter, Quantisation.NONE);
  }

  /**
   * {@return a plain model of known sizes}
   *
   * @param name of its builder
   * @param config its sizes
   */
  public static ModelSpec base(String name, ModelConfig config) {
    return new ModelSpec(name, only(config.family()), config, null);
  }

  /**
   * {@return a frozen model of known sizes with adapters}
   *
   * @param name of its builder
   * @param config its sizes
   * @param adapter which linears are adapted, and how
   */
  public static ModelSpec adapted(String name, ModelConfig config, AdapterConfig adapter) {
    return new ModelSpec(name, only(config.family()), config, adapter);
  }

  private static ModelReader only(ModelFamily family) {
    return json -> {
      if (!family.modelTypes().contains(json.text("model_type"))) {
        throw json.wrong(
            "model_type",
            "%s, as the builder's; name a builder of the checkpoint's family, or auto_model"
                .formatted(String.join(" or ", family.modelTypes())));
      }
      return family.read(json);
    };
  }

  /**
   * {@return the same with another adapter}
   *
   * @param other null for a plain model
   */
  public ModelSpec withAdapter(@Nullable AdapterConfig other) {
    return new ModelSpec(name, reader, config, other, quantisation);
  }

  /**
   * {@return the same with weights in other types}
   *
   * @param other of the frozen weights
   */
  public ModelSpec quantised(Quantisation other) {
    return new ModelSpec(name, reader, config, adapter, other);
  }

  /**
   * The same with the sizes that a checkpoint has. A builder with sizes of its own keeps the
   * checkpoint's longest row and added tokens, and must agree in all else: weights of the same
   * shapes may belong to other rotary frequencies, and would compute something, wrongly.
   *
   * @param read of {@code config.json}
   * @return whose sizes are known
   * @throws UsageException naming what differs
   */
  public ModelSpec withConfig(ModelConfig read) {
    if (config != null) {
      List<String> differences = config.differences(read);
      if (read.sizes().vocabSize() > config.sizes().vocabSize()) {
        differences.removeIf(line -> line.startsWith("vocab_size is ")); // Tokens were added.
      }
      if (!differences.isEmpty()) {
        throw new UsageException(
            "the checkpoint is not model '%s': %s; name the checkpoint's own builder, or %s, which reads config.json"
                .formatted(
                    name,
                    String.join(", ", differences),
                    adapter == null ? "auto_model" : "lora_auto"));
      }
    }
    return new ModelSpec(name, reader, read, adapter, quantisation);
  }

  /**
   * {@return the model of one type, without storage; see {@link #build(Precision)}}
   *
   * @param dtype of weights, adapters and activations
   */
  public Decoder build(DType dtype) {
    return build(Precision.of(dtype));
  }

  /**
   * {@return the model, without storage}
   *
   * @param precision of weights that are frozen, and of all else
   * @throws UsageException when the sizes are still to be read from {@code config.json}, or the
   *     adapter fits no linear
   */
  public Decoder build(Precision precision) {
    if (config == null) {
      throw new UsageException(
          "model '%s' reads its sizes from a checkpoint's config.json; set checkpointer.checkpoint_dir"
              .formatted(name));
    }
    Decoder decoder = config.build(precision.stored());
    decoder.computeIn(precision);
    if (adapter != null) {
      decoder.adapt(adapter);
    }
    return decoder;
  }
}

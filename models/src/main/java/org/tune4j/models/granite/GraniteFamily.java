package org.tune4j.models.granite;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.DecoderFields;
import org.tune4j.models.FamilyConfig;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.ResidualBlock;
import org.tune4j.models.layers.Activation;
import org.tune4j.models.layers.Attention;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.GatedMlp;
import org.tune4j.models.layers.RmsNorm;
import org.tune4j.tensor.DType;

/**
 * Granite: Llama's blocks with multipliers of embeddings, scores, branches and logits. Absent
 * fields have the defaults of transformers' {@code GraniteConfig}.
 */
public record GraniteFamily() implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("granite");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    return read(
        this,
        json,
        Map.of(),
        (fields, sizes) -> DecoderFields.alike(sizes, 0, fields.rotary(sizes, DecoderFields.FULL)),
        false);
  }

  /** The shapes of the layers' attention. */
  @FunctionalInterface
  interface Layers {
    List<AttentionShape> of(DecoderFields fields, DecoderConfig sizes);
  }

  /** What Granite reads, whatever its layers attend to. */
  static ModelConfig read(
      ModelFamily family,
      JsonFields json,
      Map<String, Number> absent,
      Layers layers,
      boolean sinks) {
    DecoderFields fields =
        new DecoderFields(
            json,
            absent,
            "attention_bias",
            "mlp_bias",
            "attention_multiplier",
            "embedding_multiplier",
            "residual_multiplier",
            "logits_scaling");
    DecoderConfig sizes =
        fields
            .sizes()
            .embeddingScale(json.positiveDecimal("embedding_multiplier", 1))
            .logits(1 / json.positiveDecimal("logits_scaling", 1), 0)
            .build();
    boolean attentionBias = json.flag("attention_bias", false);
    boolean mlpBias = json.flag("mlp_bias", false);
    double scale = json.positiveDecimal("attention_multiplier", 1);
    double residual = json.positiveDecimal("residual_multiplier", 1);
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    List<AttentionShape> shapes = layers.of(fields, sizes);
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        family,
        sizes,
        Map.of(
            "hidden_act",
            activation,
            "attention_bias",
            attentionBias,
            "mlp_bias",
            mlpBias,
            "attention_multiplier",
            scale,
            "residual_multiplier",
            residual),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(
                    sinks
                        ? attention(shape, dim, dtype, attentionBias, scale).sinks().build()
                        : attention(shape, dim, dtype, attentionBias, scale).build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, mlpBias, dtype))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .residual(residual)
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }

  private static Attention.Builder attention(
      AttentionShape shape, long dim, DType dtype, boolean bias, double scale) {
    return Attention.builder(shape, dim, dtype).biases(bias, bias).scale(scale);
  }
}

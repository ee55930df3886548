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
    DecoderFields fields =
        new DecoderFields(
            json,
            Map.of(),
            "attention_bias",
            "mlp_bias",
            "attention_multiplier",
            "embedding_multiplier",
            "residual_multiplier",
            "logits_scaling");
    DecoderConfig sizes =
        fields
            .sizes()
            .embeddingScale(fields.decimal("embedding_multiplier", 1))
            .logits(1 / fields.decimal("logits_scaling", 1), 0)
            .build();
    boolean attentionBias = json.flag("attention_bias", false);
    boolean mlpBias = json.flag("mlp_bias", false);
    double scale = fields.decimal("attention_multiplier", 1);
    double residual = fields.decimal("residual_multiplier", 1);
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    List<AttentionShape> shapes =
        DecoderFields.alike(sizes, 0, fields.rotary(sizes, DecoderFields.FULL));
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
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
                    Attention.builder(shape, dim, dtype)
                        .biases(attentionBias, attentionBias)
                        .scale(scale)
                        .build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, mlpBias, dtype))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .residual(residual)
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }
}

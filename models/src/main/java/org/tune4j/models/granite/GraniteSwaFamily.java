package org.tune4j.models.granite;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
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
import org.tune4j.models.layers.RotaryEmbedding;

/**
 * Granite with a window in most layers, attention sinks and a rotary base of each layer. Absent
 * fields have the defaults of transformers' {@code GraniteSWAConfig}.
 */
public record GraniteSwaFamily() implements ModelFamily {
  private static final Map<String, Number> ABSENT = Map.of("rms_norm_eps", 1e-5);

  @Override
  public Set<String> modelTypes() {
    return Set.of("granite_swa");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields =
        new DecoderFields(
            json,
            ABSENT,
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
    List<String> types =
        fields.layerTypes(
            sizes.numLayers(),
            layer -> layer % 4 == 0 ? DecoderFields.FULL : DecoderFields.SLIDING,
            DecoderFields.FULL,
            DecoderFields.SLIDING);
    List<AttentionShape> shapes = shapes(fields, sizes, types);
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
                        .sinks()
                        .build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, mlpBias, dtype))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .residual(residual)
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }

  /** Each layer has a base of its own where {@code layer_rope_theta} lists them. */
  private static List<AttentionShape> shapes(
      DecoderFields fields, DecoderConfig sizes, List<String> types) {
    JsonFields json = fields.json();
    JsonNode bases = json.value("layer_rope_theta");
    if (bases != null && bases.size() != types.size()) {
      throw json.wrong(
          "layer_rope_theta", "a list of %d, as num_hidden_layers says".formatted(types.size()));
    }
    Map<Double, RotaryEmbedding> known = new HashMap<>();
    int window = fields.window(0);
    return IntStream.range(0, types.size())
        .mapToObj(
            i ->
                new AttentionShape(
                    sizes.numHeads(),
                    sizes.numKvHeads(),
                    sizes.headDim(),
                    types.get(i).equals(DecoderFields.SLIDING) ? window : 0,
                    bases == null
                        ? known.computeIfAbsent(0.0, t -> fields.rotary(sizes, DecoderFields.FULL))
                        : known.computeIfAbsent(
                            bases.get(i).asDouble(),
                            t -> new RotaryEmbedding(sizes.headDim(), t, null))))
        .toList();
  }
}

package org.tune4j.models.exaone;

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
import org.tune4j.models.layers.RotaryEmbedding;

/**
 * EXAONE 4: norms behind attention and MLP and of each head; where some layers have a window, the
 * others rotate nothing. Absent fields have the defaults of transformers' {@code Exaone4Config}.
 */
public record Exaone4Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of("vocab_size", 102_400, "intermediate_size", 16_384, "rms_norm_eps", 1e-5);

  @Override
  public Set<String> modelTypes() {
    return Set.of("exaone4");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT);
    DecoderConfig sizes = fields.sizes().build();
    int window = fields.window(4096);
    int pattern = window > 0 ? json.positive("sliding_window_pattern", 4) : 0;
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    List<String> types =
        fields.layerTypes(sizes.numLayers(), layer -> !(pattern > 0 && (layer + 1) % pattern != 0));
    List<AttentionShape> shapes =
        DecoderFields.shapes(
            sizes,
            types,
            window,
            type ->
                window == 0 || type.equals(DecoderFields.SLIDING)
                    ? fields.rotary(sizes, type)
                    : RotaryEmbedding.none(sizes.headDim()));
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of("hidden_act", activation),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(
                    Attention.builder(shape, dim, dtype)
                        .headNorms("q_norm", "k_norm", sizes.normEps(), 0)
                        .build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, false, dtype))
                .normsBehind("post_attention_layernorm", "post_feedforward_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }
}

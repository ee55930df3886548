package org.tune4j.models.cohere;

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
import org.tune4j.models.layers.LayerNorm;
import org.tune4j.models.layers.RotaryEmbedding;

/**
 * Cohere 2: attention and MLP of the same input; layers without a window rotate nothing. Absent
 * fields have the defaults of transformers' {@code Cohere2Config}.
 */
public record Cohere2Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          256_000,
          "hidden_size",
          8192,
          "intermediate_size",
          22_528,
          "num_hidden_layers",
          40,
          "num_attention_heads",
          64,
          "head_dim",
          128,
          "max_position_embeddings",
          8192,
          "layer_norm_eps",
          1e-5,
          "tie_word_embeddings",
          1);

  @Override
  public Set<String> modelTypes() {
    return Set.of("cohere2");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT, "attention_bias", "logit_scale");
    DecoderConfig sizes =
        fields.sizes().logits(json.positiveDecimal("logit_scale", 0.0625), 0).build();
    boolean bias = json.flag("attention_bias", false);
    int pattern =
        json.positive("sliding_window_pattern", json.positive("_sliding_window_pattern", 4));
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    List<String> types = fields.layerTypes(sizes.numLayers(), layer -> (layer + 1) % pattern == 0);
    List<AttentionShape> shapes =
        DecoderFields.shapes(
            sizes,
            types,
            fields.window(4096),
            type ->
                type.equals(DecoderFields.SLIDING)
                    ? fields.rotary(sizes, type).ofNeighbours()
                    : RotaryEmbedding.none(sizes.headDim()));
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of("hidden_act", activation, "attention_bias", bias),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(
                    shape, dim, () -> new LayerNorm(dim, sizes.normEps(), false, dtype))
                .attention(Attention.builder(shape, dim, dtype).biases(bias, bias).build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, false, dtype))
                .normsBefore("input_layernorm", null)
                .parallel()
                .build(),
        dtype -> new LayerNorm(dim, sizes.normEps(), false, dtype));
  }
}

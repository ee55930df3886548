package org.tune4j.models.ministral;

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
 * Ministral 3: Llama's blocks, with queries scaled by their positions. Absent fields have the
 * defaults of transformers' {@code Ministral3Config}.
 */
public record Ministral3Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          131_072,
          "intermediate_size",
          14_336,
          "num_hidden_layers",
          34,
          "num_key_value_heads",
          8,
          "head_dim",
          128,
          "max_position_embeddings",
          262_144,
          "rope_theta",
          1_000_000,
          "rms_norm_eps",
          1e-5);

  @Override
  public Set<String> modelTypes() {
    return Set.of("ministral3");
  }

  @Override
  public Set<String> imageModelTypes() {
    return Set.of("mistral3");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT);
    DecoderConfig sizes = fields.sizes().build();

    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    List<AttentionShape> shapes =
        DecoderFields.alike(sizes, fields.window(0), rotary(fields, sizes));
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of("hidden_act", activation),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(new Attention(shape, dim, dtype))
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, false, dtype))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }

  private static RotaryEmbedding rotary(DecoderFields fields, DecoderConfig sizes) {
    JsonFields rope = fields.rope(DecoderFields.FULL);
    RotaryEmbedding plain = fields.rotary(sizes, DecoderFields.FULL);
    double beta = rope.positiveDecimal("llama_4_scaling_beta", 0);
    return beta == 0
        ? plain
        : plain.scalingQueries(beta, rope.positive("original_max_position_embeddings"));
  }
}

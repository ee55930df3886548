package org.tune4j.models.glm;

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
 * GLM-4: half of each head is rotated, gate and up are one linear, norms before and behind. Absent
 * fields have the defaults of transformers' {@code Glm4Config}.
 */
public record Glm4Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          151_552,
          "intermediate_size",
          13_696,
          "num_hidden_layers",
          40,
          "num_key_value_heads",
          2,
          "head_dim",
          128,
          "max_position_embeddings",
          131_072,
          "rms_norm_eps",
          1.5625e-7,
          "partial_rotary_factor",
          0.5);

  @Override
  public Set<String> modelTypes() {
    return Set.of("glm4");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields =
        new DecoderFields(json, ABSENT, "attention_bias", "partial_rotary_factor");
    DecoderConfig sizes = fields.sizes().build();
    boolean bias = json.flag("attention_bias", true);
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    List<AttentionShape> shapes =
        DecoderFields.alike(sizes, 0, fields.rotary(sizes, DecoderFields.FULL).ofNeighbours());
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of("hidden_act", activation, "attention_bias", bias),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(Attention.builder(shape, dim, dtype).biases(bias, false).build())
                .mlp(
                    GatedMlp.fused(
                        "gate_up_proj",
                        "down_proj",
                        dim,
                        sizes.intermediateSize(),
                        activation,
                        dtype))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .normsBehind("post_self_attn_layernorm", "post_mlp_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }
}

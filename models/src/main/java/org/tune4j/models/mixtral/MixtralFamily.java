package org.tune4j.models.mixtral;

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
import org.tune4j.models.layers.Experts;
import org.tune4j.models.layers.MixtureOfExperts;
import org.tune4j.models.layers.RmsNorm;
import org.tune4j.models.layers.Router;

/**
 * Mixtral: Mistral's blocks, whose MLPs are mixtures of experts. Absent fields have the defaults of
 * transformers' {@code MixtralConfig}.
 */
public record MixtralFamily() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "intermediate_size",
          14_336,
          "num_key_value_heads",
          8,
          "max_position_embeddings",
          131_072,
          "rope_theta",
          1_000_000,
          "rms_norm_eps",
          1e-5);

  private static final Experts.Names NAMES = new Experts.Names("w1", "w3", "w2");

  @Override
  public Set<String> modelTypes() {
    return Set.of("mixtral");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT, "num_local_experts");
    DecoderConfig sizes = fields.sizes().build();
    int count = json.positive("num_local_experts", json.positive("num_experts", 8));
    int chosen = json.positive("num_experts_per_tok", 2);
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    List<AttentionShape> shapes =
        DecoderFields.alike(sizes, fields.window(0), fields.rotary(sizes, DecoderFields.FULL));
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of("hidden_act", activation, "num_local_experts", count, "num_experts_per_tok", chosen),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(new Attention(shape, dim, dtype))
                .mlp(
                    "block_sparse_moe",
                    new MixtureOfExperts(
                        "gate",
                        new Router(dim, count, chosen, Router.Weights.OF_ALL_NORMED, false, dtype),
                        "experts",
                        Experts.gated(
                            NAMES, count, dim, sizes.intermediateSize(), activation, dtype)))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }
}

package org.tune4j.models.olmo;

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
 * OLMoE (Muennighoff et al. 2024): Llama's blocks with mixtures of experts and norms over all
 * queries and keys. Absent fields have the defaults of transformers' {@code OlmoeConfig}.
 */
public record OlmoeFamily() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          50_304,
          "hidden_size",
          2048,
          "intermediate_size",
          2048,
          "num_hidden_layers",
          16,
          "num_attention_heads",
          16,
          "max_position_embeddings",
          4096,
          "rms_norm_eps",
          1e-5);

  private static final Experts.Names NAMES = new Experts.Names("gate_proj", "up_proj", "down_proj");

  @Override
  public Set<String> modelTypes() {
    return Set.of("olmoe");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields =
        new DecoderFields(json, ABSENT, "attention_bias", "num_experts", "num_local_experts");
    DecoderConfig sizes = fields.sizes().build();
    boolean bias = json.flag("attention_bias", false);
    int count = json.positive("num_local_experts", json.positive("num_experts", 64));
    int chosen = json.positive("num_experts_per_tok", 8);
    Router.Weights weights =
        json.flag("norm_topk_prob", false) ? Router.Weights.OF_ALL_NORMED : Router.Weights.OF_ALL;
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
            bias,
            "num_experts",
            count,
            "num_experts_per_tok",
            chosen,
            "norm_topk_prob",
            weights),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(
                    Attention.builder(shape, dim, dtype)
                        .biases(bias, bias)
                        .headNorms("q_norm", "k_norm", sizes.normEps(), 0)
                        .normsOfAllHeads()
                        .build())
                .mlp(
                    new MixtureOfExperts(
                        "gate",
                        new Router(dim, count, chosen, weights, false, dtype),
                        "experts",
                        Experts.gated(
                            NAMES, count, dim, sizes.intermediateSize(), activation, dtype)))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }
}

package org.tune4j.models.gptoss;

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
import org.tune4j.models.layers.Attention;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.ClampedExperts;
import org.tune4j.models.layers.MixtureOfExperts;
import org.tune4j.models.layers.RmsNorm;
import org.tune4j.models.layers.Router;

/**
 * gpt-oss: mixtures of experts, attention with sinks and biases, every other layer with a window.
 * Absent fields have the defaults of transformers' {@code GptOssConfig}.
 */
public record GptOssFamily() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          201_088,
          "hidden_size",
          2880,
          "intermediate_size",
          2880,
          "num_hidden_layers",
          36,
          "num_attention_heads",
          64,
          "num_key_value_heads",
          8,
          "head_dim",
          64,
          "max_position_embeddings",
          131_072,
          "rope_theta",
          150_000,
          "rms_norm_eps",
          1e-5);

  @Override
  public Set<String> modelTypes() {
    return Set.of("gpt_oss");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT, "attention_bias", "num_local_experts");
    DecoderConfig sizes = fields.sizes().build();
    boolean bias = json.flag("attention_bias", true);
    int count = json.positive("num_local_experts", 128);
    int chosen = json.positive("num_experts_per_tok", json.positive("experts_per_token", 4));
    double alpha = json.positiveDecimal("swiglu_alpha", 1.702);
    double limit = json.positiveDecimal("swiglu_limit", 7);

    List<String> types = fields.layerTypes(sizes.numLayers(), layer -> layer % 2 != 0);
    List<AttentionShape> shapes =
        DecoderFields.shapes(sizes, types, fields.window(128), type -> fields.rotary(sizes, type));
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of(
            "attention_bias",
            bias,
            "num_local_experts",
            count,
            "num_experts_per_tok",
            chosen,
            "swiglu_alpha",
            alpha,
            "swiglu_limit",
            limit),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(Attention.builder(shape, dim, dtype).biases(bias, bias).sinks().build())
                .mlp(
                    new MixtureOfExperts(
                        "router",
                        new Router(dim, count, chosen, Router.Weights.OF_CHOSEN, true, dtype),
                        "experts",
                        new ClampedExperts(
                            count, dim, sizes.intermediateSize(), alpha, limit, dtype)))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }
}

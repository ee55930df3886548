package org.tune4j.models.qwen;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
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
import org.tune4j.models.layers.GatedMlp;
import org.tune4j.models.layers.MixtureOfExperts;
import org.tune4j.models.layers.RmsNorm;
import org.tune4j.models.layers.Router;

/**
 * Qwen 3's mixtures of experts. Absent fields have the defaults of transformers' {@code
 * Qwen3MoeConfig}.
 */
public record Qwen3MoeFamily() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          151_936,
          "hidden_size",
          2048,
          "intermediate_size",
          6144,
          "num_hidden_layers",
          24,
          "num_key_value_heads",
          4,
          "max_position_embeddings",
          32_768);

  private static final Experts.Names NAMES = new Experts.Names("gate_proj", "up_proj", "down_proj");

  @Override
  public Set<String> modelTypes() {
    return Set.of("qwen3_moe");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = fields(json);
    DecoderConfig sizes = fields.sizes().build();
    boolean bias = json.flag("attention_bias", false);
    int count = json.positive("num_local_experts", json.positive("num_experts", 128));
    int chosen = json.positive("num_experts_per_tok", 8);
    int wide = json.positive("moe_intermediate_size", 768);
    int step = json.positive("decoder_sparse_step", 1);
    Set<Integer> dense = dense(json);
    Router.Weights weights =
        json.flag("norm_topk_prob", false) ? Router.Weights.OF_ALL_NORMED : Router.Weights.OF_ALL;
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    boolean slides = json.flag("use_sliding_window", false);
    List<AttentionShape> shapes =
        DecoderFields.alike(
            sizes, slides ? fields.window(4096) : 0, fields.rotary(sizes, DecoderFields.FULL));
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
            "moe_intermediate_size",
            wide,
            "decoder_sparse_step",
            step,
            "mlp_only_layers",
            dense,
            "norm_topk_prob",
            weights),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(
                    Attention.builder(shape, dim, dtype)
                        .biases(bias, bias)
                        .headNorms("q_norm", "k_norm", sizes.normEps(), 0)
                        .build())
                .mlp(
                    dense.contains(layer) || (layer + 1) % step != 0
                        ? new GatedMlp(dim, sizes.intermediateSize(), activation, false, dtype)
                        : new MixtureOfExperts(
                            "gate",
                            new Router(dim, count, chosen, weights, false, dtype),
                            "experts",
                            Experts.gated(NAMES, count, dim, wide, activation, dtype)))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }

  /** Layers whose MLP is no mixture. */
  private static Set<Integer> dense(JsonFields json) {
    Set<Integer> layers = new HashSet<>();
    JsonNode listed = json.value("mlp_only_layers");
    if (listed != null) {
      listed.forEach(v -> layers.add(v.asInt()));
    }
    return layers;
  }

  private static DecoderFields fields(JsonFields json) {
    return new DecoderFields(
        json, ABSENT, "attention_bias", "num_local_experts", "num_experts", "use_sliding_window");
  }
}

package org.tune4j.models.gemma;

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
 * Gemma 2: norms before and behind, soft caps, every other layer with a window. Absent fields have
 * the defaults of transformers' {@code Gemma2Config}.
 */
public record Gemma2Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          256_000,
          "hidden_size",
          2304,
          "intermediate_size",
          9216,
          "num_hidden_layers",
          26,
          "num_attention_heads",
          8,
          "num_key_value_heads",
          4,
          "head_dim",
          256,
          "max_position_embeddings",
          8192,
          "tie_word_embeddings",
          1);

  @Override
  public Set<String> modelTypes() {
    return Set.of("gemma2");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields =
        new DecoderFields(
            json,
            ABSENT,
            "attention_bias",
            "attn_logit_softcapping",
            "final_logit_softcapping",
            "query_pre_attn_scalar");
    DecoderConfig sizes =
        fields
            .sizes()
            .embeddingScaleOfWidth()
            .logits(1, cap(json, "final_logit_softcapping", 30))
            .build();
    boolean bias = json.flag("attention_bias", false);
    double softCap = cap(json, "attn_logit_softcapping", 50);
    double scale = 1 / Math.sqrt(json.positiveDecimal("query_pre_attn_scalar", 256));
    Activation activation = Activation.read(json, "hidden_activation", Activation.GELU_TANH);
    List<String> types = fields.layerTypes(sizes.numLayers(), layer -> layer % 2 != 0);
    List<AttentionShape> shapes =
        DecoderFields.shapes(sizes, types, fields.window(4096), type -> fields.rotary(sizes, type));
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of(
            "hidden_act",
            activation,
            "attention_bias",
            bias,
            "attn_logit_softcapping",
            softCap,
            "scale",
            scale),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), 1, dtype))
                .attention(
                    Attention.builder(shape, dim, dtype)
                        .biases(bias, bias)
                        .scale(scale)
                        .softCap(softCap)
                        .build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, false, dtype))
                .normsBefore("input_layernorm", "pre_feedforward_layernorm")
                .normsBehind("post_attention_layernorm", "post_feedforward_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), 1, dtype));
  }

  /** Null is none. */
  static double cap(JsonFields json, String field, double absent) {
    return json.mentions(field) ? json.positiveDecimal(field, 0) : absent;
  }
}

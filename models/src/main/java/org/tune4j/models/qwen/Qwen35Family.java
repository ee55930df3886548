package org.tune4j.models.qwen;

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
import org.tune4j.models.layers.GatedDeltaRule;
import org.tune4j.models.layers.GatedMlp;
import org.tune4j.models.layers.RmsNorm;

/**
 * Qwen 3.5's text models: the gated delta rule, and gated attention in every fourth layer. Absent
 * fields have the defaults of transformers' {@code Qwen3_5TextConfig}.
 */
public record Qwen35Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          248_320,
          "intermediate_size",
          12_288,
          "num_attention_heads",
          16,
          "num_key_value_heads",
          4,
          "head_dim",
          256,
          "max_position_embeddings",
          32_768,
          "partial_rotary_factor",
          0.25);

  private static final String LINEAR = "linear_attention";

  @Override
  public Set<String> modelTypes() {
    return Set.of("qwen3_5_text");
  }

  @Override
  public Set<String> imageModelTypes() {
    return Set.of("qwen3_5");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields =
        new DecoderFields(
            json,
            ABSENT,
            "attention_bias",
            "attn_output_gate",
            "linear_num_value_heads",
            "partial_rotary_factor");
    if (!json.flag("attn_output_gate", true)) {
      throw json.wrong("attn_output_gate", "true; this family's attention has a gate");
    }
    DecoderConfig sizes = fields.sizes().build();
    boolean bias = json.flag("attention_bias", false);
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    GatedDeltaRule.Heads heads = heads(json);
    int kernel = DecoderFields.kernel(json, "linear_conv_kernel_dim", 4);
    int interval = json.positive("full_attention_interval", 4);
    List<String> types =
        fields.layerTypes(sizes.numLayers(), LINEAR, layer -> (layer + 1) % interval == 0);
    List<AttentionShape> shapes =
        DecoderFields.shapes(sizes, types, 0, type -> fields.rotary(sizes, type));
    long dim = sizes.hiddenSize();
    double eps = sizes.normEps();
    return new FamilyConfig(
        this,
        sizes,
        Map.of(
            "hidden_act",
            activation,
            "attention_bias",
            bias,
            "linear_attention",
            heads,
            "linear_conv_kernel_dim",
            kernel),
        shapes,
        (layer, shape, dtype) -> {
          ResidualBlock.Builder block =
              ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, eps, 1, dtype))
                  .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, false, dtype))
                  .normsBefore("input_layernorm", "post_attention_layernorm");
          return shape.equals(AttentionShape.NONE)
              ? block
                  .mixer(
                      "linear_attn", new GatedDeltaRule(heads, dim, kernel, activation, eps, dtype))
                  .build()
              : block
                  .attention(
                      Attention.builder(shape, dim, dtype)
                          .biases(bias, bias)
                          .gated()
                          .headNorms("q_norm", "k_norm", eps, 1)
                          .build())
                  .build();
        },
        dtype -> new RmsNorm(dim, eps, 1, dtype));
  }

  private static GatedDeltaRule.Heads heads(JsonFields json) {
    int keys = json.positive("linear_num_key_heads", 16);
    int values = json.positive("linear_num_value_heads", 32);
    if (values % keys != 0) {
      throw json.wrong("linear_num_value_heads", "a multiple of linear_num_key_heads " + keys);
    }
    return new GatedDeltaRule.Heads(
        keys,
        values,
        json.positive("linear_key_head_dim", 128),
        json.positive("linear_value_head_dim", 128));
  }
}

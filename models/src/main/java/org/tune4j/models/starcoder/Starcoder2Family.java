package org.tune4j.models.starcoder;

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
import org.tune4j.models.layers.LayerNorm;
import org.tune4j.models.layers.PlainMlp;

/**
 * StarCoder 2: layer norms, biases everywhere and an MLP without a gate. Absent fields have the
 * defaults of transformers' {@code Starcoder2Config}.
 */
public record Starcoder2Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          49_152,
          "hidden_size",
          3072,
          "intermediate_size",
          12_288,
          "num_hidden_layers",
          30,
          "num_attention_heads",
          24,
          "num_key_value_heads",
          2,
          "max_position_embeddings",
          4096,
          "norm_epsilon",
          1e-5,
          "tie_word_embeddings",
          1);

  @Override
  public Set<String> modelTypes() {
    return Set.of("starcoder2");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT, "use_bias");
    DecoderConfig sizes = fields.sizes().build();
    boolean bias = json.flag("use_bias", true);
    Activation activation = Activation.read(json, "hidden_act", Activation.GELU_TANH);
    List<AttentionShape> shapes =
        DecoderFields.alike(sizes, fields.window(0), fields.rotary(sizes, DecoderFields.FULL));
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of("hidden_act", activation, "use_bias", bias),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(
                    shape, dim, () -> new LayerNorm(dim, sizes.normEps(), true, dtype))
                .attention(Attention.builder(shape, dim, dtype).biases(bias, bias).build())
                .mlp(
                    new PlainMlp(
                        "c_fc", "c_proj", dim, sizes.intermediateSize(), activation, bias, dtype))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .build(),
        dtype -> new LayerNorm(dim, sizes.normEps(), true, dtype));
  }
}

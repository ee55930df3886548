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
import org.tune4j.models.layers.GatedMlp;
import org.tune4j.models.layers.RmsNorm;

/**
 * Qwen 3: Llama's blocks, with norms of each head's queries and keys. Absent fields have the
 * defaults of transformers' {@code Qwen3Config}.
 */
public record Qwen3Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "head_dim",
          128,
          "vocab_size",
          151_936,
          "intermediate_size",
          22_016,
          "num_key_value_heads",
          32,
          "max_position_embeddings",
          32_768);

  @Override
  public Set<String> modelTypes() {
    return Set.of("qwen3");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT, "attention_bias", "use_sliding_window");
    DecoderConfig sizes = fields.sizes().build();
    boolean bias = json.flag("attention_bias", false);
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    List<AttentionShape> shapes = Qwen2Family.shapes(fields, sizes);
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of("hidden_act", activation, "attention_bias", bias),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(
                    Attention.builder(shape, dim, dtype)
                        .biases(bias, bias)
                        .headNorms("q_norm", "k_norm", sizes.normEps(), 0)
                        .build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, false, dtype))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }
}

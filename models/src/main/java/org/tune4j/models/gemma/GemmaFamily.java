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
 * Gemma: Llama's blocks with GeGLU, scaled embeddings and norms whose weights lie around one.
 * Absent fields have the defaults of transformers' {@code GemmaConfig}.
 */
public record GemmaFamily() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          256_000,
          "hidden_size",
          3072,
          "intermediate_size",
          24_576,
          "num_hidden_layers",
          28,
          "num_attention_heads",
          16,
          "num_key_value_heads",
          16,
          "head_dim",
          256,
          "max_position_embeddings",
          8192,
          "tie_word_embeddings",
          1);

  @Override
  public Set<String> modelTypes() {
    return Set.of("gemma");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT, "attention_bias");
    DecoderConfig sizes = fields.sizes().embeddingScaleOfWidth().build();
    boolean bias = json.flag("attention_bias", false);
    // transformers computes the tanh form whatever an old config calls it.
    Activation activation =
        json.has("hidden_activation")
            ? Activation.read(json, "hidden_activation", Activation.GELU_TANH)
            : Activation.GELU_TANH;
    List<AttentionShape> shapes =
        DecoderFields.alike(sizes, 0, fields.rotary(sizes, DecoderFields.FULL));
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of("hidden_act", activation, "attention_bias", bias),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), 1, dtype))
                .attention(Attention.builder(shape, dim, dtype).biases(bias, bias).build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, false, dtype))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), 1, dtype));
  }
}

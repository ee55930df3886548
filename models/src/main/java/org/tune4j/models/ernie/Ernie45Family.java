package org.tune4j.models.ernie;

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
 * ERNIE 4.5's dense models: Llama's blocks, where each element is rotated with the next. Absent
 * fields have the defaults of transformers' {@code Ernie4_5Config}.
 */
public record Ernie45Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.ofEntries(
          Map.entry("vocab_size", 103_424),
          Map.entry("hidden_size", 1024),
          Map.entry("intermediate_size", 3072),
          Map.entry("num_hidden_layers", 18),
          Map.entry("num_attention_heads", 16),
          Map.entry("num_key_value_heads", 2),
          Map.entry("head_dim", 128),
          Map.entry("max_position_embeddings", 131_072),
          Map.entry("rope_theta", 500_000),
          Map.entry("rms_norm_eps", 1e-5),
          Map.entry("tie_word_embeddings", 1));

  @Override
  public Set<String> modelTypes() {
    return Set.of("ernie4_5");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT, "use_bias");
    DecoderConfig sizes = fields.sizes().build();
    boolean bias = json.flag("use_bias", false);
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    List<AttentionShape> shapes =
        DecoderFields.alike(sizes, 0, fields.rotary(sizes, DecoderFields.FULL).ofNeighbours());
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of("hidden_act", activation, "use_bias", bias),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(Attention.builder(shape, dim, dtype).biases(bias, bias).build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, bias, dtype))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }
}

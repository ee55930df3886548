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
import org.tune4j.models.layers.GatedMlp;
import org.tune4j.models.layers.RmsNorm;

/**
 * OLMo 2: norms behind attention and MLP, and of all queries and all keys. Absent fields have the
 * defaults of transformers' {@code Olmo2Config}.
 */
public record Olmo2Family() implements ModelFamily {
  static final Map<String, Number> ABSENT = Map.of("vocab_size", 50_304, "rms_norm_eps", 1e-5);

  @Override
  public Set<String> modelTypes() {
    return Set.of("olmo2");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT, "attention_bias");
    DecoderConfig sizes = fields.sizes().build();
    return config(
        this, json, sizes, DecoderFields.alike(sizes, 0, fields.rotary(sizes, DecoderFields.FULL)));
  }

  /** OLMo 2's blocks, which are OLMo 3's too. */
  static ModelConfig config(
      ModelFamily family, JsonFields json, DecoderConfig sizes, List<AttentionShape> shapes) {
    boolean bias = json.flag("attention_bias", false);
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        family,
        sizes,
        Map.of("hidden_act", activation, "attention_bias", bias),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(
                    Attention.builder(shape, dim, dtype)
                        .biases(bias, bias)
                        .headNorms("q_norm", "k_norm", sizes.normEps(), 0)
                        .normsOfAllHeads()
                        .build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, false, dtype))
                .normsBehind("post_attention_layernorm", "post_feedforward_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }
}

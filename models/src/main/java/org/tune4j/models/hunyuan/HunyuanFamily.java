package org.tune4j.models.hunyuan;

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
 * Hunyuan's dense models: Llama's blocks, with norms of each head's rotated queries and keys.
 * Absent fields have the defaults of transformers' {@code HunYuanDenseV1Config}.
 */
public record HunyuanFamily() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of("vocab_size", 290_943, "rms_norm_eps", 1e-5);

  @Override
  public Set<String> modelTypes() {
    return Set.of("hunyuan_v1_dense");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT, "attention_bias");
    DecoderConfig sizes = fields.sizes().build();
    boolean bias = json.flag("attention_bias", false);
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    List<AttentionShape> shapes =
        DecoderFields.alike(sizes, 0, fields.rotary(sizes, DecoderFields.FULL));
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
                        .headNorms("query_layernorm", "key_layernorm", sizes.normEps(), 0)
                        .normsBehindRotation()
                        .build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, false, dtype))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }
}

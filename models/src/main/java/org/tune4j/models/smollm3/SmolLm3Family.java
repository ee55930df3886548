package org.tune4j.models.smollm3;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
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
import org.tune4j.models.layers.RotaryEmbedding;

/**
 * SmolLM3: Llama's blocks, of which every fourth rotates nothing. Absent fields have the defaults
 * of transformers' {@code SmolLM3Config}.
 */
public record SmolLm3Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          128_256,
          "hidden_size",
          2048,
          "num_hidden_layers",
          36,
          "num_attention_heads",
          16,
          "num_key_value_heads",
          4,
          "max_position_embeddings",
          32_768,
          "rope_theta",
          2_000_000,
          "tie_word_embeddings",
          1);

  @Override
  public Set<String> modelTypes() {
    return Set.of("smollm3");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields =
        new DecoderFields(
            json, ABSENT, "attention_bias", "mlp_bias", "no_rope_layers", "use_sliding_window");
    DecoderConfig sizes = fields.sizes().build();
    boolean attentionBias = json.flag("attention_bias", false);
    boolean mlpBias = json.flag("mlp_bias", false);
    boolean slides = json.flag("use_sliding_window", false);
    List<Boolean> rotates = rotates(json, sizes.numLayers());
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    List<String> types =
        fields.layerTypes(sizes.numLayers(), layer -> !(slides && !rotates.get(layer)));
    List<AttentionShape> positions =
        DecoderFields.shapes(
            sizes, types, slides ? fields.window(0) : 0, type -> fields.rotary(sizes, type));
    List<AttentionShape> none =
        DecoderFields.shapes(
            sizes,
            types,
            slides ? fields.window(0) : 0,
            type -> RotaryEmbedding.none(sizes.headDim()));
    List<AttentionShape> shapes =
        IntStream.range(0, sizes.numLayers())
            .mapToObj(layer -> (rotates.get(layer) ? positions : none).get(layer))
            .toList();
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of("hidden_act", activation, "attention_bias", attentionBias, "mlp_bias", mlpBias),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(
                    Attention.builder(shape, dim, dtype)
                        .biases(attentionBias, attentionBias)
                        .build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, mlpBias, dtype))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }

  /** Whether each layer rotates its queries and keys: 1 or 0 in {@code no_rope_layers}. */
  private static List<Boolean> rotates(JsonFields json, int layers) {
    JsonNode listed = json.value("no_rope_layers");
    if (listed == null) {
      int interval = json.positive("no_rope_layer_interval", 4);
      return IntStream.range(0, layers).mapToObj(i -> (i + 1) % interval != 0).toList();
    }
    List<Boolean> all = new ArrayList<>();
    listed.forEach(v -> all.add(v.asInt() != 0));
    if (all.size() != layers) {
      throw json.wrong(
          "no_rope_layers", "a list of %d, as num_hidden_layers says".formatted(layers));
    }
    return all;
  }
}

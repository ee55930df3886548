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
 * Qwen 2 and 2.5: Llama's blocks, with biases of queries, keys and values. Absent fields have the
 * defaults of transformers' {@code Qwen2Config}.
 */
public record Qwen2Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
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
    return Set.of("qwen2");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT, "use_sliding_window");
    DecoderConfig sizes = fields.sizes().build();
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    List<AttentionShape> shapes = shapes(fields, sizes);
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of("hidden_act", activation),
        shapes,
        (layer, shape, dtype) ->
            ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                .attention(Attention.builder(shape, dim, dtype).biases(true, false).build())
                .mlp(new GatedMlp(dim, sizes.intermediateSize(), activation, false, dtype))
                .normsBefore("input_layernorm", "post_attention_layernorm")
                .build(),
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }

  /**
   * Layers from {@code max_window_layers} on have a window where {@code use_sliding_window} is set.
   */
  static List<AttentionShape> shapes(DecoderFields fields, DecoderConfig sizes) {
    JsonFields json = fields.json();
    boolean slides = json.flag("use_sliding_window", false) && json.has("sliding_window");
    int from = json.has("max_window_layers") ? json.wholeNumber("max_window_layers", 0) : 28;
    List<String> types = fields.layerTypes(sizes.numLayers(), layer -> !(slides && layer >= from));
    return DecoderFields.shapes(
        sizes, types, slides ? fields.window(0) : 0, type -> fields.rotary(sizes, type));
  }
}

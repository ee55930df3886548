package org.tune4j.models.gemma;

import java.util.Map;
import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.DecoderFields;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.layers.RotaryEmbedding;

/**
 * Gemma 3's text model: norms before and behind, norms of each head's queries and keys, five layers
 * with a window to one without, each kind with a rotary base of its own. Absent fields have the
 * defaults of transformers' {@code Gemma3TextConfig}.
 */
public record Gemma3Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          262_208,
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
          131_072,
          "tie_word_embeddings",
          1,
          "rope_theta",
          1_000_000);

  @Override
  public Set<String> modelTypes() {
    return Set.of("gemma3_text");
  }

  @Override
  public Set<String> imageModelTypes() {
    return Set.of("gemma3");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = fields(json);
    int pattern =
        json.positive("sliding_window_pattern", json.positive("_sliding_window_pattern", 6));
    return GemmaLayers.config(
        this,
        fields,
        0,
        0,
        layer -> (layer + 1) % pattern == 0,
        (sizes, type) -> rotary(fields, sizes, type),
        true);
  }

  /** transformers 4 has the sliding layers' base in a field of its own, and scales the others. */
  private static RotaryEmbedding rotary(DecoderFields fields, DecoderConfig sizes, String type) {
    JsonFields json = fields.json();
    boolean apart = json.has("rope_parameters") && json.object("rope_parameters").has(type);
    return apart || type.equals(DecoderFields.FULL)
        ? fields.rotary(sizes, type)
        : new RotaryEmbedding(
            sizes.headDim(), json.positiveDecimal("rope_local_base_freq", 10_000), null);
  }

  private static DecoderFields fields(JsonFields json) {
    return new DecoderFields(
        json,
        ABSENT,
        "attention_bias",
        "attn_logit_softcapping",
        "final_logit_softcapping",
        "query_pre_attn_scalar",
        "rope_local_base_freq");
  }
}

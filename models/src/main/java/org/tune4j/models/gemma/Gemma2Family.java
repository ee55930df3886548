package org.tune4j.models.gemma;

import java.util.Map;
import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.DecoderFields;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;

/**
 * Gemma 2: norms before and behind, soft caps, every other layer with a window. Absent fields have
 * the defaults of transformers' {@code Gemma2Config}.
 */
public record Gemma2Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          256_000,
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
          8192,
          "tie_word_embeddings",
          1);

  @Override
  public Set<String> modelTypes() {
    return Set.of("gemma2");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields =
        new DecoderFields(
            json,
            ABSENT,
            "attention_bias",
            "attn_logit_softcapping",
            "final_logit_softcapping",
            "query_pre_attn_scalar");
    return GemmaLayers.config(this, fields, 50, 30, layer -> layer % 2 != 0, fields::rotary, false);
  }
}

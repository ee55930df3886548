package org.tune4j.models.mistral;

import java.util.Map;
import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.DecoderFields;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.layers.Activation;
import org.tune4j.models.llama.LlamaConfig;

/**
 * Mistral: Llama's blocks with a sliding window. Absent fields have the defaults of transformers'
 * {@code MistralConfig}.
 */
public record MistralFamily() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "intermediate_size", 14_336,
          "num_key_value_heads", 8,
          "max_position_embeddings", 131_072);

  private static final int DEFAULT_WINDOW = 4096;

  @Override
  public Set<String> modelTypes() {
    return Set.of("mistral");
  }

  @Override
  public Set<String> imageModelTypes() {
    return Set.of("mistral3");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT);
    return new LlamaConfig(
        this,
        fields.sizes().slidingWindow(slidingWindow(json)).build(),
        false,
        false,
        Activation.read(json, "hidden_act", Activation.SILU));
  }

  /** The default counts only where the field is absent; null is no window. */
  private static int slidingWindow(JsonFields json) {
    if (!json.mentions("sliding_window")) {
      return DEFAULT_WINDOW;
    }
    return json.has("sliding_window") ? json.positive("sliding_window") : 0;
  }
}

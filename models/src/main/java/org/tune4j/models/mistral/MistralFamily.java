package org.tune4j.models.mistral;

import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.llama.LlamaConfig;
import org.tune4j.models.llama.LlamaFields;

/**
 * Mistral: Llama's blocks with a sliding window. Absent fields have the defaults of transformers'
 * {@code MistralConfig}.
 */
public record MistralFamily() implements ModelFamily {
  private static final int DEFAULT_WINDOW = 4096;

  @Override
  public Set<String> modelTypes() {
    return Set.of("mistral");
  }

  @Override
  public ModelConfig read(JsonFields config) {
    return new LlamaConfig(
        this,
        new LlamaFields(config, 14_336, 8, 131_072)
            .sizes()
            .slidingWindow(slidingWindow(config))
            .build());
  }

  /** The default counts only where the field is absent; null is no window. */
  private static int slidingWindow(JsonFields json) {
    if (!json.mentions("sliding_window")) {
      return DEFAULT_WINDOW;
    }
    return json.has("sliding_window") ? json.positive("sliding_window") : 0;
  }
}

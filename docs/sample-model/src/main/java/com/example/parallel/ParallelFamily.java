package com.example.parallel;

import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;

/** Reads a config.json whose model_type is "parallel". */
public record ParallelFamily() implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("parallel");
  }

  @Override
  public ModelConfig read(JsonFields config) {
    int width = config.positive("n_embd");
    int heads = config.positive("n_head");
    if (width % (2 * heads) != 0) {
      throw config.wrong("n_embd", "an even multiple of n_head " + heads);
    }
    if (!config.text("activation_function").equals("gelu_new")) {
      throw config.wrong("activation_function", "\"gelu_new\"");
    }
    DecoderConfig sizes =
        DecoderConfig.builder()
            .vocabSize(config.positive("vocab_size"))
            .hiddenSize(width)
            .intermediateSize(config.positive("n_inner"))
            .numLayers(config.positive("n_layer"))
            .heads(heads, heads, width / heads)
            .maxSeqLen(config.positive("n_positions"))
            .normEps(config.positiveDecimal("layer_norm_epsilon"))
            .rope(config.positiveDecimal("rope_theta", 10_000), null)
            .build();
    return new ParallelConfig(this, sizes);
  }
}

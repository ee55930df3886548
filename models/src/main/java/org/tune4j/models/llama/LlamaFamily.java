package org.tune4j.models.llama;

import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;

/** Llama. Absent fields have the defaults of transformers' {@code LlamaConfig}. */
public record LlamaFamily() implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("llama");
  }

  @Override
  public ModelConfig read(JsonFields config) {
    return new LlamaConfig(this, new LlamaFields(config, 11_008, 0, 2048).sizes().build());
  }
}

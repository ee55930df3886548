package org.tune4j.models.llama;

import java.util.Map;
import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.DecoderFields;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.layers.Activation;

/** Llama. Absent fields have the defaults of transformers' {@code LlamaConfig}. */
public record LlamaFamily() implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("llama");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    return new LlamaConfig(
        this,
        new DecoderFields(json, Map.of(), "attention_bias", "mlp_bias").sizes().build(),
        json.flag("attention_bias", false),
        json.flag("mlp_bias", false),
        Activation.read(json, "hidden_act", Activation.SILU));
  }
}

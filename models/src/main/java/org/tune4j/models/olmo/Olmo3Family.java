package org.tune4j.models.olmo;

import java.util.List;
import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.DecoderFields;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;

/**
 * OLMo 3: OLMo 2, with a window in three layers of four. Absent fields have the defaults of
 * transformers' {@code Olmo3Config}.
 */
public record Olmo3Family() implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("olmo3");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, Olmo2Family.ABSENT, "attention_bias");
    DecoderConfig sizes = fields.sizes().build();
    List<String> types = fields.layerTypes(sizes.numLayers(), layer -> (layer + 1) % 4 == 0);
    return Olmo2Family.config(
        this,
        json,
        sizes,
        DecoderFields.shapes(
            sizes, types, fields.window(4096), type -> fields.rotary(sizes, type)));
  }
}

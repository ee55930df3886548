package org.tune4j.models.granite;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.DecoderFields;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.RotaryEmbedding;

/**
 * Granite with a window in most layers, attention sinks and a rotary base of each layer. Absent
 * fields have the defaults of transformers' {@code GraniteSWAConfig}.
 */
public record GraniteSwaFamily() implements ModelFamily {
  private static final Map<String, Number> ABSENT = Map.of("rms_norm_eps", 1e-5);

  @Override
  public Set<String> modelTypes() {
    return Set.of("granite_swa");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    return GraniteFamily.read(this, json, ABSENT, GraniteSwaFamily::shapes, true);
  }

  /** Each layer has a base of its own where {@code layer_rope_theta} lists them. */
  private static List<AttentionShape> shapes(DecoderFields fields, DecoderConfig sizes) {
    JsonFields json = fields.json();
    List<String> types = fields.layerTypes(sizes.numLayers(), layer -> layer % 4 == 0);
    JsonNode bases = json.value("layer_rope_theta");
    if (bases != null && bases.size() != types.size()) {
      throw json.wrong(
          "layer_rope_theta", "a list of %d, as num_hidden_layers says".formatted(types.size()));
    }
    Map<Double, RotaryEmbedding> known = new HashMap<>();
    int window = fields.window(0);
    return IntStream.range(0, types.size())
        .mapToObj(
            i ->
                sizes.attention(
                    types.get(i).equals(DecoderFields.SLIDING) ? window : 0,
                    bases == null
                        ? known.computeIfAbsent(0.0, t -> fields.rotary(sizes, DecoderFields.FULL))
                        : known.computeIfAbsent(
                            bases.get(i).asDouble(),
                            t -> new RotaryEmbedding(sizes.headDim(), t, null))))
        .toList();
  }
}

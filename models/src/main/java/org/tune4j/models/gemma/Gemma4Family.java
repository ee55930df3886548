package org.tune4j.models.gemma;

import java.util.Map;
import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.DecoderFields;
import org.tune4j.models.FamilyConfig;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.layers.RmsNorm;

/**
 * Gemma 4's text models, the E models among them: wider heads in layers without a window, norms of
 * queries, keys and values, per-layer embeddings, and upper layers that take the keys and values of
 * layers below. Absent fields have the defaults of transformers' {@code Gemma4TextConfig}.
 */
public record Gemma4Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          262_144,
          "hidden_size",
          2304,
          "intermediate_size",
          9216,
          "num_hidden_layers",
          30,
          "num_attention_heads",
          8,
          "num_key_value_heads",
          4,
          "head_dim",
          256,
          "max_position_embeddings",
          131_072,
          "tie_word_embeddings",
          1);

  private static final String VOCABULARY = "vocab_size_per_layer_input";

  @Override
  public Set<String> modelTypes() {
    return Set.of("gemma4_text");
  }

  @Override
  public Set<String> imageModelTypes() {
    return Set.of("gemma4");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields =
        new DecoderFields(
            json,
            ABSENT,
            "attention_bias",
            "final_logit_softcapping",
            "partial_rotary_factor",
            "use_bidirectional_attention");
    // Between image tokens alone, of which there are none.
    if (!json.optionalText("use_bidirectional_attention").orElse("vision").equals("vision")) {
      throw json.wrong("use_bidirectional_attention", "null or \"vision\"");
    }
    DecoderConfig sizes =
        fields
            .sizes()
            .embeddingScaleOfWidth()
            .logits(1, GemmaLayers.cap(json, "final_logit_softcapping", 0))
            .build();
    Gemma4Layers layers = Gemma4Layers.read(fields, sizes);
    Gemma4Stream stream = layers.stream();
    int vocabulary = json.positive(VOCABULARY, 262_144);
    if (stream.perLayer() > 0 && vocabulary < sizes.vocabSize()) {
      throw json.wrong(VOCABULARY, "vocab_size %d or more".formatted(sizes.vocabSize()));
    }
    long dim = sizes.hiddenSize();
    double eps = sizes.normEps();
    return new FamilyConfig(
        this,
        sizes,
        layers.facts(),
        stream.shapes(),
        layers::block,
        dtype -> new RmsNorm(dim, eps, dtype),
        stream.perLayer() == 0
            ? null
            : dtype ->
                new PerLayerInputs(
                    vocabulary, dim, sizes.numLayers(), stream.perLayer(), eps, dtype));
  }
}

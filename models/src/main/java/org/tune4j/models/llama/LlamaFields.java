package org.tune4j.models.llama;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.layers.RopeScaling;

/**
 * The fields of {@code config.json} that Llama and its relatives share, with what transformers
 * takes for those that are absent.
 *
 * @param json the file's fields
 * @param intermediateSize where it is absent
 * @param numKvHeads where it is absent; 0 for as many as query heads
 * @param maxSeqLen where {@code max_position_embeddings} is absent
 */
public record LlamaFields(JsonFields json, int intermediateSize, int numKvHeads, int maxSeqLen) {
  /** transformers has two names for one function. */
  private static final Set<String> SILU = Set.of("silu", "swish");

  private static final double DEFAULT_ROPE_THETA = 10_000;
  private static final double DEFAULT_NORM_EPS = 1e-6;
  private static final int DEFAULT_HIDDEN_SIZE = 4096;

  // Far above any model's: what is larger would fill memory before weights are compared with it.
  private static final int MAX_LAYERS = 1000;
  private static final int MAX_WIDTH = 1 << 20;
  private static final int MAX_VOCABULARY = 1 << 24;

  /**
   * {@return the sizes, to be completed}
   *
   * @throws org.tune4j.InputException when a field is ill-typed, out of its range, or asks for
   *     something that Llama's blocks do not compute
   */
  public DecoderConfig.Builder sizes() {
    JsonFields rope = rope();
    refuseUnsupported(rope);
    int heads = json.size("num_attention_heads", 32, MAX_WIDTH);
    int hidden = json.size("hidden_size", DEFAULT_HIDDEN_SIZE, MAX_WIDTH);
    return DecoderConfig.builder()
        .vocabSize(json.size("vocab_size", 32_000, MAX_VOCABULARY))
        .hiddenSize(hidden)
        .intermediateSize(json.size("intermediate_size", intermediateSize, MAX_WIDTH))
        .numLayers(json.size("num_hidden_layers", 32, MAX_LAYERS))
        .heads(heads, keyValueHeads(heads), headDim(hidden, heads))
        .normEps(
            json.mentions("rms_norm_eps") ? json.positiveDecimal("rms_norm_eps") : DEFAULT_NORM_EPS)
        .rope(
            rope.positiveDecimal(
                "rope_theta", json.positiveDecimal("rope_theta", DEFAULT_ROPE_THETA)),
            ropeScaling(rope))
        .maxSeqLen(json.size("max_position_embeddings", maxSeqLen, Integer.MAX_VALUE))
        .tieWordEmbeddings(json.flag("tie_word_embeddings", false));
  }

  /**
   * What says how positions are rotated: transformers 5 reads {@code rope_scaling} before {@code
   * rope_parameters}, earlier versions read nothing else.
   */
  private JsonFields rope() {
    for (String field : List.of("rope_scaling", "rope_parameters")) {
      if (json.has(field) && !json.object(field).isEmpty()) {
        return json.object(field);
      }
    }
    return json.empty();
  }

  private void refuseUnsupported(JsonFields rope) {
    if (json.flag("attention_bias", false)) {
      throw json.wrong("attention_bias", "false; attention with biases is not supported");
    }
    if (json.flag("mlp_bias", false)) {
      throw json.wrong("mlp_bias", "false; an MLP with biases is not supported");
    }
    if (!SILU.contains(json.optionalText("hidden_act").orElse("silu"))) {
      throw json.wrong("hidden_act", "\"silu\"; no other activation is supported");
    }
    for (JsonFields fields : List.of(json, rope)) {
      if (fields.positiveDecimal("partial_rotary_factor", 1) != 1) {
        throw fields.wrong("partial_rotary_factor", "1; rotating part of a head is not supported");
      }
    }
  }

  /** Null stands for as many as query heads, whatever the default of an absent field is. */
  private int keyValueHeads(int heads) {
    int absent = numKvHeads == 0 || json.mentions("num_key_value_heads") ? heads : numKvHeads;
    int keyValueHeads = json.positive("num_key_value_heads", absent);
    if (heads % keyValueHeads != 0) {
      throw json.has("num_key_value_heads")
          ? json.wrong("num_key_value_heads", "a divisor of num_attention_heads " + heads)
          : json.wrong(
              "num_attention_heads", "a multiple of the default num_key_value_heads " + numKvHeads);
    }
    return keyValueHeads;
  }

  private int headDim(int hidden, int heads) {
    if (!json.has("head_dim") && hidden % heads != 0) {
      throw json.wrong("hidden_size", "a multiple of num_attention_heads " + heads);
    }
    int headDim = json.positive("head_dim", Math.max(1, hidden / heads));
    if (headDim % 2 != 0) {
      throw json.has("head_dim")
          ? json.wrong("head_dim", "an even number, as the rotation turns pairs")
          : json.wrong("hidden_size", "an even multiple of num_attention_heads " + heads);
    }
    if ((long) heads * headDim > MAX_WIDTH) {
      throw json.wrong(
          "head_dim", "at most %d over num_attention_heads %d".formatted(MAX_WIDTH, heads));
    }
    return headDim;
  }

  private static @Nullable RopeScaling ropeScaling(JsonFields rope) {
    String typeField = rope.has("rope_type") || !rope.has("type") ? "rope_type" : "type";
    if (!rope.has(typeField) && !rope.has("factor")) {
      return null;
    }
    String type = rope.text(typeField);
    if (type.equals("default")) {
      return null;
    }
    if (!type.equals("llama3")) {
      throw rope.wrong(typeField, "\"llama3\" or \"default\"; no other scaling is supported");
    }
    double factor = rope.positiveDecimal("factor");
    double low = rope.positiveDecimal("low_freq_factor");
    double high = rope.positiveDecimal("high_freq_factor");
    int original = rope.positive("original_max_position_embeddings");
    if (high <= low) {
      throw rope.wrong("high_freq_factor", "a number above low_freq_factor " + low);
    }
    if (factor < 1) {
      throw rope.wrong("factor", "1 or more");
    }
    return new RopeScaling(factor, low, high, original);
  }
}

package org.tune4j.models;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.layers.RopeScaling;

/**
 * What {@code config.json} says of rotary positions.
 *
 * @param json all fields
 * @param rope those of {@link #of}
 * @param thetaAbsent base of the frequencies where neither has one
 * @param maxSeqLen the longest row
 */
record RopeFields(JsonFields json, JsonFields rope, double thetaAbsent, int maxSeqLen) {
  /**
   * Of layers of a type: transformers 5 reads {@code rope_scaling} before {@code rope_parameters},
   * earlier versions read nothing else.
   */
  static JsonFields of(JsonFields json, String type) {
    for (String field : List.of("rope_scaling", "rope_parameters")) {
      if (json.has(field) && !json.object(field).isEmpty()) {
        JsonFields all = json.object(field);
        return all.value(type) != null ? all.object(type) : all;
      }
    }
    return json.empty();
  }

  /** The base of the frequencies. */
  double theta() {
    return rope.positiveDecimal("rope_theta", json.positiveDecimal("rope_theta", thetaAbsent));
  }

  /** How frequencies are changed; null where they are used as they are. */
  @Nullable RopeScaling scaling() {
    String typeField = rope.has("rope_type") || !rope.has("type") ? "rope_type" : "type";
    if (!rope.has(typeField) && !rope.has("factor")) {
      return null;
    }
    return switch (rope.text(typeField)) {
      case "default" -> null;
      case "linear" -> new RopeScaling.Linear(factor());
      case "dynamic" -> new RopeScaling.Dynamic(factor(), maxSeqLen);
      case "llama3" -> llama3();
      case "yarn" -> yarn();
      case "longrope", "su" -> longRope();
      case "proportional" ->
          new RopeScaling.Proportional(
              rope.positiveDecimal(DecoderFields.PART, 1), rope.positiveDecimal("factor", 1));
      default ->
          throw rope.wrong(
              typeField,
              "\"default\", \"linear\", \"dynamic\", \"llama3\", \"yarn\", \"longrope\" or \"proportional\"; no other scaling is supported");
    };
  }

  private double factor() {
    double factor = rope.positiveDecimal("factor");
    if (factor < 1) {
      throw rope.wrong("factor", "1 or more");
    }
    return factor;
  }

  private RopeScaling llama3() {
    double factor = factor();
    double low = rope.positiveDecimal("low_freq_factor");
    double high = rope.positiveDecimal("high_freq_factor");
    int original = rope.positive("original_max_position_embeddings");
    if (high <= low) {
      throw rope.wrong("high_freq_factor", "a number above low_freq_factor " + low);
    }
    return new RopeScaling.Llama3(factor, low, high, original);
  }

  private int originalLength() {
    String field = "original_max_position_embeddings";
    return rope.positive(field, json.positive(field, maxSeqLen));
  }

  private RopeScaling yarn() {
    double factor = factor();
    double attention;
    if (rope.has("attention_factor")) {
      attention = rope.positiveDecimal("attention_factor");
    } else if (rope.has("mscale") && rope.has("mscale_all_dim")) {
      attention =
          magnitude(factor, rope.positiveDecimal("mscale"))
              / magnitude(factor, rope.positiveDecimal("mscale_all_dim"));
    } else {
      attention = magnitude(factor, 1);
    }
    return new RopeScaling.Yarn(
        factor,
        rope.positiveDecimal("beta_fast", 32),
        rope.positiveDecimal("beta_slow", 1),
        originalLength(),
        rope.flag("truncate", true),
        attention);
  }

  /** Peng et al. 2023, section 3.4. */
  private static double magnitude(double factor, double scale) {
    return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
  }

  private RopeScaling longRope() {
    int original = originalLength();
    double factor = rope.positiveDecimal("factor", maxSeqLen / (double) original);
    double attention =
        factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log((double) original));
    return new RopeScaling.LongRope(
        factors("short_factor"),
        factors("long_factor"),
        original,
        rope.positiveDecimal("attention_factor", attention));
  }

  private List<Double> factors(String field) {
    JsonNode value = rope.value(field);
    List<Double> all = new ArrayList<>();
    if (value != null && value.isArray()) {
      value.forEach(v -> all.add(v.asDouble()));
    }
    if (all.isEmpty() || all.stream().anyMatch(f -> !(f > 0))) {
      throw rope.wrong(field, "a list of numbers above 0, one a frequency");
    }
    return all;
  }
}

package org.tune4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How rotations are scaled: {@code config.json} has Llama 3.1's formula, GGUF what it gives, a
 * divisor for each frequency.
 */
final class GgufRope {
  private static final double LOW = 1;
  private static final double HIGH = 4;
  private static final int ORIGINAL = 8192;
  private static final String FULL = "full_attention";

  private GgufRope() {}

  /** Where {@code config.json} says it of layers without a window. */
  static JsonFields fields(JsonFields config) {
    for (String field : List.of("rope_scaling", "rope_parameters")) {
      if (config.has(field) && !config.object(field).isEmpty()) {
        JsonFields all = config.object(field);
        return all.value(FULL) != null ? all.object(FULL) : all;
      }
    }
    return config.empty();
  }

  static double theta(JsonFields config) {
    return fields(config)
        .positiveDecimal("rope_theta", config.positiveDecimal("rope_theta", 10_000));
  }

  /** The divisors of a config with Llama 3.1's formula. */
  static Optional<float[]> factors(JsonFields config, int headDim) {
    JsonFields rope = fields(config);
    String type = rope.optionalText("rope_type").or(() -> rope.optionalText("type")).orElse("");
    if (!type.equals("llama3")) {
      return Optional.empty();
    }
    return Optional.of(
        factors(
            theta(config),
            headDim / 2,
            rope.positiveDecimal("factor"),
            rope.positiveDecimal("low_freq_factor"),
            rope.positiveDecimal("high_freq_factor"),
            rope.positive("original_max_position_embeddings")));
  }

  private static float[] factors(
      double theta, int n, double factor, double low, double high, int original) {
    float[] factors = new float[n];
    for (int i = 0; i < n; i++) {
      double length = 2 * Math.PI * Math.pow(theta, (double) i / n);
      double share = Math.min(1, Math.max(0, (original / length - low) / (high - low)));
      factors[i] = (float) (1 / ((1 - share) / factor + share));
    }
    return factors;
  }

  /** The divisors of rows that are longer or shorter than the original model takes. */
  static Optional<float[]> factors(JsonFields config, String field) {
    JsonNode listed = fields(config).value(field);
    if (listed == null) {
      return Optional.empty();
    }
    float[] factors = new float[listed.size()];
    for (int i = 0; i < factors.length; i++) {
      factors[i] = (float) listed.get(i).asDouble();
    }
    return Optional.of(factors);
  }

  /** What {@code config.json} would say; empty for another formula's. */
  static Optional<Map<String, Object>> scaling(float[] divisors, double theta) {
    double factor = 1;
    for (float divisor : divisors) {
      factor = Math.max(factor, divisor);
    }
    float[] expected = factors(theta, divisors.length, factor, LOW, HIGH, ORIGINAL);
    for (int i = 0; i < divisors.length; i++) {
      if (!(Math.abs(divisors[i] - expected[i]) <= 1e-3 * expected[i])) {
        return Optional.empty();
      }
    }
    Map<String, Object> scaling = new LinkedHashMap<>();
    scaling.put("rope_type", factor == 1 ? "default" : "llama3");
    if (factor > 1) {
      scaling.put("factor", factor);
      scaling.put("low_freq_factor", LOW);
      scaling.put("high_freq_factor", HIGH);
      scaling.put("original_max_position_embeddings", ORIGINAL);
    }
    return Optional.of(scaling);
  }
}

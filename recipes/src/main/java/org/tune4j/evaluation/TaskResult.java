package org.tune4j.evaluation;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A task's outcome.
 *
 * @param metrics by name, such as {@code acc} and {@code acc_stderr}, in order
 * @param samples for each row what was measured
 */
public record TaskResult(Map<String, Double> metrics, List<Map<String, Object>> samples) {
  public TaskResult {
    metrics = Collections.unmodifiableMap(new LinkedHashMap<>(metrics));
    samples = List.copyOf(samples);
  }

  /** The mean of a metric and its standard error, as {@code NAME} and {@code NAME_stderr}. */
  static void mean(Map<String, Double> into, String name, double[] values) {
    double mean = 0;
    for (double v : values) {
      mean += v / values.length;
    }
    double square = 0;
    for (double v : values) {
      square += (v - mean) * (v - mean);
    }
    into.put(name, mean);
    if (values.length > 1) {
      into.put(name + "_stderr", Math.sqrt(square / (values.length - 1) / values.length));
    }
  }
}

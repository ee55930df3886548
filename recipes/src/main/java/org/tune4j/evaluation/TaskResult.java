package org.tune4j.evaluation;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A task's outcome.
 *
 * @param metrics by name, such as {@code acc} and {@code acc_stderr}, in order
 * @param samples for each row what was measured
 */
public record TaskResult(Map<String, Double> metrics, List<Map<String, Object>> samples) {
  private static final String STDERR = "_stderr";

  public TaskResult {
    metrics = Collections.unmodifiableMap(new LinkedHashMap<>(metrics));
    samples = List.copyOf(samples);
  }

  /** {@return the metrics' names, without standard errors} */
  public List<String> names() {
    return metrics.keySet().stream().filter(m -> !m.endsWith(STDERR)).toList();
  }

  /**
   * {@return a metric and its standard error, for people; {@code -} where it was not measured}
   *
   * @param metric its name
   */
  public String cell(String metric) {
    Double value = metrics.get(metric);
    Double error = metrics.get(metric + STDERR);
    return value == null
        ? "-"
        : String.format(Locale.ROOT, "%.4f", value)
            + (error == null ? "" : String.format(Locale.ROOT, " +- %.4f", error));
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
      into.put(name + STDERR, Math.sqrt(square / (values.length - 1) / values.length));
    }
  }
}

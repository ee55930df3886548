package org.tune4j.nn;

import java.util.Locale;

/**
 * How many elements a model has; counts shapes, so no storage is needed.
 *
 * @param total of all parameters, shared ones once
 * @param trainable of those that collect gradients
 */
public record ParameterSummary(long total, long trainable) {
  /**
   * {@return a model's counts}
   *
   * @param model with or without storage
   */
  public static ParameterSummary of(Module model) {
    long total = 0;
    long trainable = 0;
    for (Parameter p : model.parameters().values()) {
      total += p.shape().elements();
      trainable += p.trainable() ? p.shape().elements() : 0;
    }
    return new ParameterSummary(total, trainable);
  }

  /** {@code 6,742,609,920 parameters, 4,194,304 trainable (0.06 %)}. */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%,d parameters, %,d trainable (%.2f %%)",
        total,
        trainable,
        total == 0 ? 0 : 100.0 * trainable / total);
  }
}

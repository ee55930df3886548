package org.tune4j.spi;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What attention computes besides its queries, keys and values.
 *
 * @param <T> what stands for a tensor: a {@link TensorHandle} for kernels, a {@link
 *     org.tune4j.tensor.Tensor} for operations
 * @param scale of the scores, before the soft cap; mostly {@code 1 / sqrt(headDim)}
 * @param window how many positions a query sees, itself included; 0 for all before it
 * @param softCap replaces a scaled score {@code s} by {@code softCap * tanh(s / softCap)} (Gemma
 *     Team 2024, section 2); 0 for none
 * @param sinks {@code [heads]}, in the type of the queries: a learnt score a head that is in the
 *     softmax's denominator and weighs no value (OpenAI 2025, gpt-oss); null for none
 */
public record AttentionSpec<T>(double scale, int window, double softCap, @Nullable T sinks) {
  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException when one is negative or not finite
   */
  public AttentionSpec {
    if (!Double.isFinite(scale)) {
      throw new IllegalArgumentException(
          "attention: scale is %s, expected a finite number".formatted(scale));
    }
    if (window < 0) {
      throw new IllegalArgumentException(
          "attention: window is %d, expected 0 (none) or more".formatted(window));
    }
    if (!(softCap >= 0 && Double.isFinite(softCap))) {
      throw new IllegalArgumentException(
          "attention: softCap is %s, expected 0 (none) or more".formatted(softCap));
    }
  }

  /**
   * {@return causal attention without soft cap and sinks}
   *
   * @param <T> what stands for a tensor
   * @param scale of the scores, before the softmax
   * @param window how many positions a query sees, itself included; 0 for all before it
   */
  public static <T> AttentionSpec<T> of(double scale, int window) {
    return new AttentionSpec<>(scale, window, 0, null);
  }

  /** {@return whether there is neither a soft cap nor a sink} */
  public boolean isPlain() {
    return softCap == 0 && sinks == null;
  }

  /**
   * {@return the same with something else for the tensor}
   *
   * @param <U> what stands for a tensor in the result
   * @param f called with the sinks, if there are any
   */
  public <U> AttentionSpec<U> map(Function<T, U> f) {
    return new AttentionSpec<>(scale, window, softCap, sinks == null ? null : f.apply(sinks));
  }
}

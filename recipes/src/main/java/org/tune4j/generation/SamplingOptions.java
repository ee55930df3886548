package org.tune4j.generation;

import java.util.List;
import org.tune4j.component.Requirements;

/**
 * How tokens are chosen and when a text ends. The order and the meaning are those of transformers'
 * {@code generate}: repetition penalty, temperature, top-k, top-p, then a draw.
 *
 * @param maxNewTokens 1 or more
 * @param temperature logits are divided by it; 0 always takes the likeliest token
 * @param topK only the k likeliest tokens, and those as likely as the last; 0 for all
 * @param topP only the likeliest tokens that together reach this probability; 1 for all
 * @param repetitionPenalty divides positive logits, and multiplies negative ones, of tokens that
 *     the prompt or the text holds; 1 for none (Keskar et al. 2019)
 * @param seed with a prompt's index and a token's position it decides every draw, on every backend
 * @param stop a text ends before the first of these
 */
public record SamplingOptions(
    int maxNewTokens,
    double temperature,
    int topK,
    double topP,
    double repetitionPenalty,
    long seed,
    List<String> stop) {
  /**
   * Checks the ranges.
   *
   * @throws org.tune4j.UsageException listing every value that is out of range
   */
  public SamplingOptions {
    stop = List.copyOf(stop);
    new Requirements()
        .atLeast(1, "max_new_tokens", maxNewTokens)
        .that(
            temperature >= 0 && Double.isFinite(temperature),
            "temperature is %s, expected 0 or more".formatted(temperature))
        .that(topK >= 0, "top_k is %d, expected 0 (all) or more".formatted(topK))
        .that(topP > 0 && topP <= 1, "top_p is %s, expected above 0 up to 1".formatted(topP))
        .that(
            repetitionPenalty > 0 && Double.isFinite(repetitionPenalty),
            "repetition_penalty is %s, expected above 0; 1 is none".formatted(repetitionPenalty))
        .that(!stop.contains(""), "a stop string is empty")
        .check();
  }

  /**
   * {@return options that take the likeliest token each time, up to the model's own end}
   *
   * @param maxNewTokens 1 or more
   */
  public static SamplingOptions greedy(int maxNewTokens) {
    return new SamplingOptions(maxNewTokens, 0, 0, 1, 1, 0, List.of());
  }

  /**
   * {@return the same at another temperature}
   *
   * @param value 0 or more
   */
  public SamplingOptions withTemperature(double value) {
    return new SamplingOptions(maxNewTokens, value, topK, topP, repetitionPenalty, seed, stop);
  }

  /**
   * {@return the same with another seed}
   *
   * @param value any number
   */
  public SamplingOptions withSeed(long value) {
    return new SamplingOptions(
        maxNewTokens, temperature, topK, topP, repetitionPenalty, value, stop);
  }
}

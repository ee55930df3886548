package org.tune4j.rollouts;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntFunction;
import org.tune4j.data.Example;
import org.tune4j.metrics.StepMetrics;
import org.tune4j.training.TrainStep;

/**
 * A step's answers as rows to train on, by their numbers.
 *
 * @param indices the answers' numbers, in order
 * @param rows one an answer, with its advantage
 * @param metrics what is logged of them
 */
public record RatedAnswers(List<Integer> indices, List<Example> rows, Map<String, Double> metrics)
    implements IntFunction<Example> {
  @Override
  public Example apply(int index) {
    return rows.get(indices.indexOf(index));
  }

  /** For people. */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "sampled %d answers, %.1f tokens and a reward of %.4f on average",
        rows.size(),
        metrics.get(Rollouts.LENGTH),
        metrics.get(StepMetrics.REWARD));
  }

  /**
   * {@return what an update with them gave, with their metrics before its own}
   *
   * @param update the update
   */
  public TrainStep.Outcome told(TrainStep.Outcome update) {
    Map<String, Double> all = new LinkedHashMap<>(metrics);
    all.putAll(update.metrics());
    return new TrainStep.Outcome(
        update.loss(), update.gradNorm(), update.labelTokens(), update.tokens(), all);
  }
}

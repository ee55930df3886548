package org.tune4j.rewards;

import java.util.List;

/**
 * Says how good answers are. A config names one under {@code reward}, a plugin's like any other
 * component; a program may give a lambda.
 */
@FunctionalInterface
public interface RewardFunction {
  /**
   * {@return the reward of one answer, a finite number; the higher, the better}
   *
   * @param completion the answer, and what it answers
   */
  double reward(Completion completion);

  /**
   * {@return the rewards of a step's answers, in their order}
   *
   * @param completions answers to one or more prompts, those to the same prompt one after another
   */
  default double[] rewards(List<Completion> completions) {
    return completions.stream().mapToDouble(this::reward).toArray();
  }
}

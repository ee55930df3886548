package org.tune4j.rollouts;

import java.util.Arrays;

/**
 * What an answer's reward, less the mean of its group, is divided by, with TRL's names. Standard
 * deviations are those of samples, and 1e-4 is added to them.
 */
public enum RewardScale {
  /** The deviation of the rewards of its group (Shao et al. 2024, section 4.1.2). */
  GROUP,
  /** That of all rewards of the step (Liu et al. 2025, arXiv 2508.08221). */
  BATCH,
  /** Nothing (Dr. GRPO, Liu et al. 2025, arXiv 2503.20783). */
  NONE;

  private static final double FLOOR = 1e-4;

  /**
   * {@return the advantages of a step's answers}
   *
   * @param rewards one an answer, those of a group one after another
   * @param groupSize answers of a group, 2 or more
   */
  double[] advantages(double[] rewards, int groupSize) {
    double[] advantages = new double[rewards.length];
    double ofAll = deviation(rewards);
    for (int from = 0; from < rewards.length; from += groupSize) {
      double[] group = Arrays.copyOfRange(rewards, from, from + groupSize);
      double mean = Arrays.stream(group).average().orElse(0);
      double scale =
          switch (this) {
            case GROUP -> deviation(group) + FLOOR;
            case BATCH -> ofAll + FLOOR;
            case NONE -> 1;
          };
      for (int i = 0; i < groupSize; i++) {
        advantages[from + i] = (group[i] - mean) / scale;
      }
    }
    return advantages;
  }

  /** Of samples: divided by one less than there are. */
  static double deviation(double[] values) {
    double mean = Arrays.stream(values).average().orElse(0);
    double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
    return Math.sqrt(squares / (values.length - 1));
  }
}

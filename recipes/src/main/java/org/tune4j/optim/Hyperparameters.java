package org.tune4j.optim;

import java.util.List;
import org.tune4j.component.Requirements;

/** What an optimiser requires of its numbers; every message begins with its name. */
final class Hyperparameters {
  private final String optimizer;
  private final Requirements all = new Requirements();

  private Hyperparameters(String optimizer) {
    this.optimizer = optimizer;
  }

  /** Of an optimiser by the name that configs have for it. */
  static Hyperparameters of(String optimizer) {
    return new Hyperparameters(optimizer);
  }

  Hyperparameters that(boolean holds, String message) {
    all.that(holds, optimizer + ": " + message);
    return this;
  }

  Hyperparameters lr(double lr, int most) {
    return upTo("lr", lr, most);
  }

  Hyperparameters betas(List<Double> betas) {
    return that(
        areTwoBelowOne(betas), "betas is %s, expected two numbers in [0, 1)".formatted(betas));
  }

  static boolean areTwoBelowOne(List<Double> betas) {
    return betas.size() == 2 && betas.stream().allMatch(b -> b >= 0 && b < 1);
  }

  Hyperparameters eps(double eps) {
    return that(eps > 0 && eps < 1, "eps is %s, expected between 0 and 1".formatted(eps));
  }

  Hyperparameters weightDecay(double weightDecay, int most) {
    return upTo("weight_decay", weightDecay, most);
  }

  Hyperparameters loraplusLrRatio(double ratio) {
    return that(
        ratio > 0 && ratio <= 1000,
        "loraplus_lr_ratio is %s, expected above 0, up to 1000".formatted(ratio));
  }

  private Hyperparameters upTo(String key, double value, int most) {
    return that(
        value >= 0 && value <= most,
        "%s is %s, expected between 0 and %d".formatted(key, value, most));
  }

  /**
   * Ends the list.
   *
   * @throws org.tune4j.UsageException with all that does not hold
   */
  void check() {
    all.check();
  }
}

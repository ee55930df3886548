package org.tune4j.optim;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/**
 * A cosine to 0 (torchtune's and transformers' {@code get_cosine_schedule_with_warmup}).
 *
 * @param numWarmupSteps steps over which the rate rises from 0
 * @param numCycles periods of the cosine; 0.5 falls to 0 once
 */
public record Cosine(int numWarmupSteps, double numCycles) implements LrSchedule {
  /**
   * Checks both numbers.
   *
   * @param numWarmupSteps 0 or more
   * @param numCycles 0 or more
   * @throws org.tune4j.UsageException when one is less
   */
  @Component(
      value = "cosine",
      aliases = {
        "get_cosine_schedule_with_warmup",
        "torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup",
        "torchtune.modules.get_cosine_schedule_with_warmup",
        "torchtune.training.get_cosine_schedule_with_warmup",
        "transformers.get_cosine_schedule_with_warmup",
        "transformers.optimization.get_cosine_schedule_with_warmup"
      })
  public Cosine(
      @Doc("steps over which the rate rises from 0") @Default("0") int numWarmupSteps,
      @Doc("periods of the cosine; 0.5 falls to 0 once") @Default("0.5") double numCycles) {
    new Requirements()
        .atLeast(0, "num_warmup_steps", numWarmupSteps)
        .that(numCycles >= 0, "num_cycles is %s, expected 0 or more".formatted(numCycles))
        .check();
    this.numWarmupSteps = numWarmupSteps;
    this.numCycles = numCycles;
  }

  @Override
  public double warm(long step, long total) {
    double progress = (double) step / Math.max(1, total);
    return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * 2 * numCycles * progress)));
  }
}

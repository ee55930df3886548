package org.tune4j.optim;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/**
 * A cosine to 0 several times, each from the whole rate (transformers' {@code
 * get_cosine_with_hard_restarts_schedule_with_warmup}).
 *
 * @param numWarmupSteps steps over which the rate rises from 0
 * @param numCycles how many times the rate falls to 0
 */
public record CosineWithRestarts(int numWarmupSteps, int numCycles) implements LrSchedule {
  /**
   * Checks both numbers.
   *
   * @param numWarmupSteps 0 or more
   * @param numCycles 1 or more
   * @throws org.tune4j.UsageException when one is less
   */
  @Component(
      value = "cosine_with_restarts",
      aliases = {
        "get_cosine_with_hard_restarts_schedule_with_warmup",
        "transformers.get_cosine_with_hard_restarts_schedule_with_warmup",
        "transformers.optimization.get_cosine_with_hard_restarts_schedule_with_warmup"
      })
  public CosineWithRestarts(
      @Doc("steps over which the rate rises from 0") @Default("0") int numWarmupSteps,
      @Doc("how many times the rate falls to 0") @Default("1") int numCycles) {
    new Requirements()
        .atLeast(0, "num_warmup_steps", numWarmupSteps)
        .atLeast(1, "num_cycles", numCycles)
        .check();
    this.numWarmupSteps = numWarmupSteps;
    this.numCycles = numCycles;
  }

  @Override
  public double warm(long step, long total) {
    double progress = (double) step / Math.max(1, total);
    return progress >= 1 ? 0 : 0.5 * (1 + Math.cos(Math.PI * (numCycles * progress % 1)));
  }
}

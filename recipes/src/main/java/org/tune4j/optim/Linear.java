package org.tune4j.optim;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/**
 * A straight line to 0 at the run's end (transformers' {@code get_linear_schedule_with_warmup}).
 *
 * @param numWarmupSteps steps over which the rate rises from 0
 */
public record Linear(int numWarmupSteps) implements LrSchedule {
  /**
   * Checks the number.
   *
   * @param numWarmupSteps 0 or more
   * @throws org.tune4j.UsageException when it is less
   */
  @Component(
      value = "linear",
      aliases = {
        "get_linear_schedule_with_warmup",
        "transformers.get_linear_schedule_with_warmup",
        "transformers.optimization.get_linear_schedule_with_warmup"
      })
  public Linear(@Doc("steps over which the rate rises from 0") @Default("0") int numWarmupSteps) {
    new Requirements().atLeast(0, "num_warmup_steps", numWarmupSteps).check();
    this.numWarmupSteps = numWarmupSteps;
  }

  @Override
  public double warm(long step, long total) {
    return Math.max(0, (double) (total - step) / Math.max(1, total));
  }
}

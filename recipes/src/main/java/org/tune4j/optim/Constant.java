package org.tune4j.optim;

import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/**
 * One rate (transformers' {@code get_constant_schedule_with_warmup}).
 *
 * @param numWarmupSteps steps over which the rate rises from 0
 */
public record Constant(int numWarmupSteps) implements LrSchedule {
  /**
   * Checks the number.
   *
   * @param numWarmupSteps 0 or more
   * @throws org.tune4j.UsageException when it is less
   */
  @Component(
      value = "constant_with_warmup",
      aliases = {
        "get_constant_schedule_with_warmup",
        "transformers.get_constant_schedule_with_warmup",
        "transformers.optimization.get_constant_schedule_with_warmup"
      })
  public Constant(@Doc("steps over which the rate rises from 0") @Default("0") int numWarmupSteps) {
    new Requirements().atLeast(0, "num_warmup_steps", numWarmupSteps).check();
    this.numWarmupSteps = numWarmupSteps;
  }

  /**
   * {@return a constant rate from the first step (transformers' {@code get_constant_schedule})}
   *
   * @param numWarmupSteps has no effect, as in transformers: an override that names this schedule
   *     leaves another one's warm-up in its section
   */
  @Component(
      value = "constant",
      aliases = {
        "get_constant_schedule",
        "transformers.get_constant_schedule",
        "transformers.optimization.get_constant_schedule"
      })
  public static LrSchedule cold(
      @Doc("has no effect; constant_with_warmup warms up") @Nullable Integer numWarmupSteps) {
    return new Constant(0);
  }

  @Override
  public double warm(long step, long total) {
    return 1;
  }
}

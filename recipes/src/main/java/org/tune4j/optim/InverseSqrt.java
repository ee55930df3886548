package org.tune4j.optim;

import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/**
 * Falls with the root of the steps done (transformers' {@code get_inverse_sqrt_schedule}).
 *
 * @param numWarmupSteps steps over which the rate rises from 0
 * @param timescale steps after which the rate has fallen by a factor of the root of 2; null for
 *     {@code numWarmupSteps}, or 10,000 where that is 0
 */
public record InverseSqrt(int numWarmupSteps, @Nullable Integer timescale) implements LrSchedule {
  /**
   * Checks both numbers.
   *
   * @param numWarmupSteps 0 or more
   * @param timescale 1 or more, or null
   * @throws org.tune4j.UsageException when one is less
   */
  @Component(
      value = "inverse_sqrt",
      aliases = {
        "get_inverse_sqrt_schedule",
        "transformers.get_inverse_sqrt_schedule",
        "transformers.optimization.get_inverse_sqrt_schedule"
      })
  public InverseSqrt(
      @Doc("steps over which the rate rises from 0") @Default("0") int numWarmupSteps,
      @Doc(
              "steps in which the rate falls to 1/sqrt(2); null for num_warmup_steps, or 10000 if that is 0")
          @Nullable Integer timescale) {
    new Requirements()
        .atLeast(0, "num_warmup_steps", numWarmupSteps)
        .atLeast(1, "timescale", timescale)
        .check();
    this.numWarmupSteps = numWarmupSteps;
    this.timescale = timescale;
  }

  @Override
  public double warm(long step, long total) {
    double scale = timescale != null ? timescale : numWarmupSteps > 0 ? numWarmupSteps : 10_000;
    return 1 / Math.sqrt((step + scale) / scale);
  }
}

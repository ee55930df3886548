package org.tune4j.optim;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/**
 * Stays high for long and falls to 0 late: {@code (1 - z) / (1 - z / 2)} of the part {@code z} that
 * is done (Chen, Wolfe and Kyrillidis 2021, "REX: Revisiting Budgeted Training with an Improved
 * Schedule").
 *
 * @param numWarmupSteps steps over which the rate rises from 0
 */
public record Rex(int numWarmupSteps) implements LrSchedule {
  /**
   * Checks the number.
   *
   * @param numWarmupSteps 0 or more
   * @throws org.tune4j.UsageException when it is less
   */
  @Component("rex")
  public Rex(@Doc("steps over which the rate rises from 0") @Default("0") int numWarmupSteps) {
    new Requirements().atLeast(0, "num_warmup_steps", numWarmupSteps).check();
    this.numWarmupSteps = numWarmupSteps;
  }

  @Override
  public double warm(long step, long total) {
    double done = (double) step / Math.max(1, total);
    return Math.max(0, (1 - done) / (1 - done / 2));
  }
}

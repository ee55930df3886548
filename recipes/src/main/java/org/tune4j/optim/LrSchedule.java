package org.tune4j.optim;

import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The learning rate's course over a run: a linear warm-up from 0, then what a schedule says. */
public interface LrSchedule {
  /**
   * {@return what the base rate is multiplied by once it is warm}
   *
   * @param step from 0, counted from the warm-up's end
   * @param total steps of the run after the warm-up; 0 or less where the run ends before it
   */
  double warm(long step, long total);

  /** {@return steps over which the rate rises from 0; 0 for a schedule without a warm-up} */
  default int numWarmupSteps() {
    return 0;
  }

  /**
   * {@return what the base rate is multiplied by}
   *
   * @param step from 0
   * @param total steps of the whole run
   */
  default double factor(long step, long total) {
    int warmup = numWarmupSteps();
    return step < warmup ? (double) step / warmup : warm(step - warmup, total - warmup);
  }

  /**
   * {@return a warning where the warm-up does not end within the run}
   *
   * @param total steps of the whole run
   */
  default Optional<String> warning(long total) {
    return total > numWarmupSteps()
        ? Optional.empty()
        : Optional.of(
            String.format(
                Locale.ROOT,
                "warning: the warm-up takes %d steps and the run has %d: the learning rate rises to %.1f%% of optimizer.lr and no further; lower lr_scheduler.num_warmup_steps",
                numWarmupSteps(),
                total,
                100 * factor(total - 1, total)));
  }

  /**
   * {@return the schedule, or a constant rate where there is none}
   *
   * @param schedule null for none
   */
  static LrSchedule orConstant(@Nullable LrSchedule schedule) {
    return schedule == null ? new Constant(0) : schedule;
  }
}

package org.tune4j.runs;

import org.jspecify.annotations.Nullable;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.data.DatasetSpec;
import org.tune4j.training.TrainingOptions;

/**
 * Keys of every recipe that trains: rows it is tested on, and when it stops for them.
 *
 * @param datasetVal validation rows; null for none
 * @param runValEveryNSteps steps between validations; null for one per epoch
 * @param batchSizeVal rows of a test's batch; null for {@code batch_size}
 * @param earlyStoppingPatience validations without a better loss after which training stops; null
 *     to go on
 */
public record ValidationOptions(
    @Doc("validation rows") @Nullable DatasetSpec datasetVal,
    @Doc("steps between validations; null for one per epoch") @Nullable Integer runValEveryNSteps,
    @Doc("rows per validation batch; null for batch_size") @Nullable Integer batchSizeVal,
    @Doc("validations without a better loss after which training stops")
        @Nullable Integer earlyStoppingPatience) {
  /**
   * Checks the numbers, and that there is something to watch.
   *
   * @throws org.tune4j.UsageException with all that is wrong
   */
  public ValidationOptions {
    new Requirements()
        .atLeast(1, "run_val_every_n_steps", runValEveryNSteps)
        .atLeast(1, "batch_size_val", batchSizeVal)
        .atLeast(1, "early_stopping_patience", earlyStoppingPatience)
        .that(
            earlyStoppingPatience == null || datasetVal != null,
            "early_stopping_patience is %d, but there is no dataset_val to watch; add one or leave it out"
                .formatted(earlyStoppingPatience))
        .check();
  }

  /**
   * {@return whether a test is due after this step}
   *
   * @param step from 1, of the whole run
   * @param epochEnds whether it is the last of its epoch
   */
  public boolean due(long step, boolean epochEnds) {
    return datasetVal != null
        && (runValEveryNSteps == null ? epochEnds : step % runValEveryNSteps == 0);
  }

  /**
   * {@return whether training ends for want of a better loss}
   *
   * @param state after the last validation
   */
  public boolean exhausted(RunState state) {
    return earlyStoppingPatience != null && state.validationsSinceBest() >= earlyStoppingPatience;
  }

  /**
   * {@return whether a run has nothing left to do}
   *
   * @param state of its newest checkpoint
   * @param epochs that it is to have
   */
  public boolean complete(RunState state, int epochs) {
    // One that ended early stands between two epochs, and its result is written.
    return state.epoch() >= epochs || (state.epochStep() == 0 && exhausted(state));
  }

  /**
   * {@return rows of a test's batch}
   *
   * @param training gives them where no number is set
   */
  public int batchSize(TrainingOptions training) {
    return batchSizeVal == null ? training.batchSize() : batchSizeVal;
  }
}

package org.tune4j.training;

import org.jspecify.annotations.Nullable;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.data.DatasetSpec;

/** Keys of every recipe that trains: rows it is tested on, and when it stops for them. */
public record ValidationOptions(
    @Doc("rows that are only tested on") @Nullable DatasetSpec datasetVal,
    @Doc("updates between two tests; null for one an epoch") @Nullable Integer runValEveryNSteps,
    @Doc("rows of a test's batch; null for batch_size") @Nullable Integer batchSizeVal,
    @Doc("tests without a better loss after which training ends")
        @Nullable Integer earlyStoppingPatience) {
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

  /** Whether a test is due after this step. */
  public boolean due(long step, boolean epochEnds) {
    return datasetVal != null
        && (runValEveryNSteps == null ? epochEnds : step % runValEveryNSteps == 0);
  }

  /** Whether training ends for want of a better loss. */
  public boolean exhausted(RunState state) {
    return earlyStoppingPatience != null && state.validationsSinceBest() >= earlyStoppingPatience;
  }

  /** Rows of a test's batch. */
  public int batchSize(TrainingOptions training) {
    return batchSizeVal == null ? training.batchSize() : batchSizeVal;
  }
}

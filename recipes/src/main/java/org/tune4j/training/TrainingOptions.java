package org.tune4j.training;

import org.jspecify.annotations.Nullable;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/** Keys of every recipe that trains: how the rows are taken and the updates made. */
public record TrainingOptions(
    @Doc("rows of a micro-batch") @Default("2") int batchSize,
    @Doc("passes over the data") @Default("1") int epochs,
    @Doc("updates after which an epoch ends early") @Nullable Integer maxStepsPerEpoch,
    @Doc("micro-batches of an update") @Default("1") int gradientAccumulationSteps,
    @Doc("largest global L2 norm of the gradients") @Nullable Double clipGradNorm,
    @Doc("rows in random order, another each epoch") @Default("true") boolean shuffle,
    @Doc("of initial adapters, order and dropout; null for 0") @Nullable Long seed) {
  public TrainingOptions {
    new Requirements()
        .atLeast(1, "batch_size", batchSize)
        .atLeast(1, "epochs", epochs)
        .atLeast(1, "max_steps_per_epoch", maxStepsPerEpoch)
        .atLeast(1, "gradient_accumulation_steps", gradientAccumulationSteps)
        .that(
            clipGradNorm == null || clipGradNorm > 0,
            "clip_grad_norm is %s, expected a number above 0".formatted(clipGradNorm))
        .check();
  }

  /** The seed, 0 where none was given. */
  public long seedOrZero() {
    return seed == null ? 0 : seed;
  }

  /** The largest gradient norm, infinity where none was given. */
  public double maxNorm() {
    return clipGradNorm == null ? Double.POSITIVE_INFINITY : clipGradNorm;
  }

  /** Rows of an update. */
  public int rowsPerStep() {
    return Math.multiplyExact(batchSize, gradientAccumulationSteps);
  }

  /** How many updates an epoch has, of so many that the rows allow. */
  public long stepsPerEpoch(long available) {
    return maxStepsPerEpoch == null ? available : Math.min(available, maxStepsPerEpoch);
  }
}

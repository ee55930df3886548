package org.tune4j.training;

import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.component.AlsoCalled;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.data.Batches;
import org.tune4j.data.Dataset;
import org.tune4j.nn.Objective;

/**
 * Keys of every recipe that trains: how the rows are taken and the updates made.
 *
 * @param batchSize rows of a micro-batch, of each rank where there are several
 * @param epochs passes over the data
 * @param maxStepsPerEpoch maximum number of steps per epoch; null for all rows
 * @param gradientAccumulationSteps micro-batches per step
 * @param clipGradNorm maximum global L2 norm of the gradients; null for any
 * @param routerAuxLossCoef factor of the routers' load balance, which is added to the loss; 0 for
 *     none
 * @param shuffle whether rows come in random order, another each epoch
 * @param seed of initial adapters, order and dropout; null for 0
 */
public record TrainingOptions(
    @Doc("rows per micro-batch") @Default("2") int batchSize,
    @Doc("passes over the data") @Default("1") int epochs,
    @Doc("maximum number of steps per epoch") @Nullable Integer maxStepsPerEpoch,
    @Doc("micro-batches per step") @Default("1") int gradientAccumulationSteps,
    @Doc("maximum global L2 norm of the gradients") @Nullable Double clipGradNorm,
    @Doc("factor of the loss of uneven loads of experts, which is added; 0 for none")
        @AlsoCalled({"moe_aux_loss_coef", "aux_loss_coef"})
        @Default("0")
        double routerAuxLossCoef,
    @Doc("shuffle rows, in a new order each epoch") @Default("true") boolean shuffle,
    @Doc("seed of initial adapters, order and dropout; null for 0") @Nullable Long seed) {
  /**
   * Checks the numbers.
   *
   * @throws UsageException with all that are out of bounds
   */
  public TrainingOptions {
    new Requirements()
        .atLeast(1, "batch_size", batchSize)
        .atLeast(1, "epochs", epochs)
        .atLeast(1, "max_steps_per_epoch", maxStepsPerEpoch)
        .atLeast(1, "gradient_accumulation_steps", gradientAccumulationSteps)
        .that(
            clipGradNorm == null || clipGradNorm > 0,
            "clip_grad_norm is %s, expected a number above 0".formatted(clipGradNorm))
        .that(
            routerAuxLossCoef >= 0 && Double.isFinite(routerAuxLossCoef),
            "router_aux_loss_coef is %s, expected 0 or more".formatted(routerAuxLossCoef))
        .check();
  }

  /** {@return the seed, 0 where none was given} */
  public long seedOrZero() {
    return seed == null ? 0 : seed;
  }

  /** {@return the largest gradient norm, infinity where none was given} */
  public double maxNorm() {
    return clipGradNorm == null ? Double.POSITIVE_INFINITY : clipGradNorm;
  }

  /** {@return rows of an update, of each rank where there are several} */
  public int rowsPerStep() {
    return Math.multiplyExact(batchSize, gradientAccumulationSteps);
  }

  /**
   * The rows of each update of all ranks, {@code batch_size} times as many as there are ranks when
   * all are there; of pairs, where the objective takes pairs, as many pairs.
   *
   * @param rows to train on
   * @param objective says how many rows belong together
   * @param ranks that share them
   * @return the steps of the run; each has the rows of all ranks
   * @throws UsageException when there are more ranks than rows
   */
  public Batches batches(Dataset rows, Objective objective, ProcessGroup ranks) {
    if (rows.size() / objective.rowsTogether() < ranks.worldSize()) {
      throw new UsageException(
          "there are %d ranks for %d rows; start fewer, or give more rows"
              .formatted(ranks.worldSize(), rows.size()));
    }
    return batches(rows.size(), objective, ranks.fullSize());
  }

  /**
   * {@return the steps of a run}
   *
   * @param rows to train on
   * @param objective says how many rows belong together
   * @param ranks whose rows a step takes
   */
  public Batches batches(int rows, Objective objective, int ranks) {
    return new Batches(
        rows,
        objective.rowsTogether(),
        Math.multiplyExact(rowsPerStep(), ranks),
        shuffle,
        seedOrZero());
  }

  /**
   * {@return the same with a larger micro-batch}
   *
   * @param n how many times as large
   */
  public TrainingOptions times(int n) {
    return new TrainingOptions(
        Math.multiplyExact(batchSize, n),
        epochs,
        maxStepsPerEpoch,
        gradientAccumulationSteps,
        clipGradNorm,
        routerAuxLossCoef,
        shuffle,
        seed);
  }

  /**
   * {@return how many updates an epoch has}
   *
   * @param available how many the rows allow
   */
  public long stepsPerEpoch(long available) {
    return maxStepsPerEpoch == null ? available : Math.min(available, maxStepsPerEpoch);
  }
}

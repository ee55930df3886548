package org.tune4j.runs;

import org.jspecify.annotations.Nullable;

/**
 * Where a run stands. With the parameters and the optimiser's state it is all that a run needs to
 * go on to the same bits: the rows' order, dropout and learning rate are functions of it.
 *
 * @param step updates so far, the skipped ones included
 * @param epoch from 0; the number of epochs once all are done
 * @param epochStep updates of this epoch so far
 * @param bestValLoss the least validation loss so far; null before the first
 * @param validationsSinceBest validations since then
 */
public record RunState(
    long step, int epoch, long epochStep, @Nullable Double bestValLoss, int validationsSinceBest) {
  /** Before the first step. */
  public static final RunState START = new RunState(0, 0, 0, null, 0);

  /** {@return where it stands after one more update} */
  public RunState nextStep() {
    return new RunState(step + 1, epoch, epochStep + 1, bestValLoss, validationsSinceBest);
  }

  /**
   * {@return where it stands at the beginning of an epoch}
   *
   * @param next the epoch's number, or that of all epochs where none is left
   */
  public RunState atEpoch(int next) {
    return new RunState(step, next, 0, bestValLoss, validationsSinceBest);
  }

  /**
   * {@return whether this loss is the least so far}
   *
   * @param valLoss of a validation that {@link #validated} has not counted yet
   */
  public boolean improves(double valLoss) {
    return bestValLoss == null || valLoss < bestValLoss;
  }

  /**
   * {@return where it stands after a validation}
   *
   * @param valLoss what that gave
   */
  public RunState validated(double valLoss) {
    return improves(valLoss)
        ? new RunState(step, epoch, epochStep, valLoss, 0)
        : new RunState(step, epoch, epochStep, bestValLoss, validationsSinceBest + 1);
  }
}

package org.tune4j.training;

import java.util.List;
import java.util.Map;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.RandomBits;

/** How a step's gradients come together and update what this rank has of the model. */
abstract class Update {
  final ProcessGroup ranks;
  final Engine engine;
  final List<String> names;
  final List<Parameter> trained;
  final Optimizer optimizer;
  final RowsOverThreads rows;
  final TrainingOptions options;

  Update(
      ProcessGroup ranks,
      Map<String, Parameter> trained,
      Optimizer optimizer,
      RowsOverThreads rows,
      TrainingOptions options) {
    this.ranks = ranks;
    this.engine = ranks.engine();
    this.names = List.copyOf(trained.keySet());
    this.trained = List.copyOf(trained.values());
    this.optimizer = optimizer;
    this.rows = rows;
    this.options = options;
  }

  /**
   * What an update gave.
   *
   * @param sums over the rows of all ranks
   * @param norm of the gradient, before clipping
   * @param withoutGradient names of the parameters that this rank's losses did not depend on
   */
  record Made(Objective.Sums sums, double norm, List<String> withoutGradient) {}

  /** Makes one. */
  abstract Made make(StepRows step, double lr);

  /** Rows of a rank's micro-batch. */
  final int microBatch() {
    return options.batchSize() * rows.objective().rowsTogether();
  }

  /** Of this rank's dropout in a step. */
  final long seed(StepRows step) {
    return RandomBits.bits(options.seedOrZero() + ranks.rank(), step.step());
  }

  /** Adds up over the ranks, of which some may have had no rows. */
  final Objective.Sums overRanks(Objective.Sums own) {
    return RankedBatch.sums(own, rows.objective(), ranks);
  }

  /** The objectives of the step's micro-batches. */
  final List<Objective> objectives(StepRows step) {
    return RankedBatch.objectives(step.all(), microBatch(), rows, ranks);
  }
}

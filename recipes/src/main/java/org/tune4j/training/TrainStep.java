package org.tune4j.training;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import org.tune4j.TrainingException;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Example;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.Engine;

/**
 * One update: forward and backward of its micro-batches, the gradients' mean, such as over label
 * tokens, clipping, the optimiser. Nothing is updated by a loss or gradient that is no finite
 * number.
 */
public final class TrainStep {
  private final ProcessGroup ranks;
  private final Objective objective;
  private final Update update;
  private List<String> withoutGradient = List.of();

  /**
   * Of one rank, over these parameters in this order.
   *
   * @param engine that computes
   * @param trained by full name
   * @param optimizer over the same parameters in the same order
   * @param rows runs them through the model
   * @param options seed, rows of a micro-batch, clipping
   * @param optimizerInBackward whether to update each parameter during backward, of one micro-batch
   *     without clipping; the model must checkpoint its layers
   */
  public TrainStep(
      Engine engine,
      Map<String, Parameter> trained,
      Optimizer optimizer,
      RowsOverThreads rows,
      TrainingOptions options,
      boolean optimizerInBackward) {
    ranks = ProcessGroup.alone(engine);
    objective = rows.objective();
    update = replicated(ranks, trained, optimizer, rows, options, optimizerInBackward);
  }

  /** How ranks update a model that each of them has whole. */
  private static Update replicated(
      ProcessGroup ranks,
      Map<String, Parameter> trained,
      Optimizer optimizer,
      RowsOverThreads rows,
      TrainingOptions options,
      boolean optimizerInBackward) {
    return optimizerInBackward
        ? new UpdateInBackward(ranks, trained, optimizer, rows, options)
        : new WholeUpdate(ranks, trained, optimizer, rows, options);
  }

  /**
   * Of several ranks, each of which takes every so-many-th row: the sums of losses and gradients
   * are added once an update, and all make the same one, each of what it has.
   *
   * @param ranks all of which make the same steps
   * @param model as they share it
   * @param optimizer over what this rank has of the model, in the same order
   * @param rows that {@code model} gave
   * @param options seed, rows of a rank's micro-batch, clipping
   * @param optimizerInBackward as for one rank; not of a sharded model
   */
  public TrainStep(
      ProcessGroup ranks,
      TrainedModel model,
      Optimizer optimizer,
      RowsOverThreads rows,
      TrainingOptions options,
      boolean optimizerInBackward) {
    this.ranks = ranks;
    this.objective = rows.objective();
    update =
        model.sharded()
            ? new ShardedUpdate(ranks, model, optimizer, rows, options)
            : replicated(ranks, model.trained(), optimizer, rows, options, optimizerInBackward);
  }

  /**
   * What an update gave.
   *
   * @param loss the objective's mean, such as over the label tokens
   * @param gradNorm global L2 norm before clipping
   * @param labelTokens tokens that were trained on
   * @param tokens all of them
   * @param metrics means of what the objective tells besides
   */
  public record Outcome(
      double loss, double gradNorm, long labelTokens, long tokens, Map<String, Double> metrics) {}

  /**
   * Makes one update.
   *
   * @param step from 0; dropout is a function of it
   * @param indices the rows of all ranks, in order
   * @param data gives a row
   * @param lr the learning rate of this update
   * @return empty, and nothing changed, where no token of the rows is trained on
   * @throws TrainingException when a loss or a gradient is not finite; names the step and the rows
   */
  public Optional<Outcome> run(
      long step, List<Integer> indices, IntFunction<Example> data, double lr) {
    List<Example> batch = indices.stream().map(data::apply).toList();
    long labels = batch.stream().mapToLong(Example::labelCount).sum();
    if (labels == 0) {
      return Optional.empty();
    }
    long count = objective.count(batch.size(), labels);
    Update.Made made =
        update.make(
            new StepRows(step, indices, batch, ofThisRank(indices), ofThisRank(batch), count), lr);
    withoutGradient = made.withoutGradient();
    Map<String, Double> metrics = objective.means(made.sums().metrics(), count);
    return Optional.of(
        new Outcome(made.sums().loss() / count, made.norm(), labels, tokens(batch), metrics));
  }

  private <T> List<T> ofThisRank(List<T> all) {
    return RankSlice.of(all, objective.rowsTogether(), ranks.rank(), ranks.worldSize());
  }

  private static long tokens(List<Example> batch) {
    return batch.stream().mapToLong(e -> e.tokens().length).sum();
  }

  /** {@return the full names of the parameters that the last update's losses did not depend on} */
  public List<String> withoutGradient() {
    return withoutGradient;
  }
}

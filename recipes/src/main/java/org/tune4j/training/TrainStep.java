package org.tune4j.training;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tune4j.TrainingException;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Example;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.optim.Chunks;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * One update: forward and backward of its micro-batches, the gradients' mean over label tokens,
 * clipping, the optimiser. Nothing is updated by a loss or gradient that is no finite number.
 */
public final class TrainStep {
  private static final String UNTOUCHED = "nothing was updated";
  private static final String PARTLY =
      "the layers behind were updated already, so that only a checkpoint before it is good";

  private final ProcessGroup ranks;
  private final Engine engine;
  private final List<String> names;
  private final List<Parameter> trained;
  private final Optimizer optimizer;
  private final RowsOverThreads rows;
  private final TrainingOptions options;
  private final boolean optimizerInBackward;
  private @Nullable TrainedModel sharded;
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
    this(ProcessGroup.alone(engine), trained, optimizer, rows, options, optimizerInBackward);
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
   */
  public TrainStep(
      ProcessGroup ranks,
      TrainedModel model,
      Optimizer optimizer,
      RowsOverThreads rows,
      TrainingOptions options) {
    this(ranks, model.trained(), optimizer, rows, options, false);
    sharded = model.sharded() ? model : null;
  }

  private TrainStep(
      ProcessGroup ranks,
      Map<String, Parameter> trained,
      Optimizer optimizer,
      RowsOverThreads rows,
      TrainingOptions options,
      boolean optimizerInBackward) {
    this.ranks = ranks;
    this.optimizerInBackward = optimizerInBackward;
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
   * @param loss mean over the label tokens
   * @param gradNorm global L2 norm before clipping
   * @param labelTokens tokens that were trained on
   * @param tokens all of them
   */
  public record Outcome(double loss, double gradNorm, long labelTokens, long tokens) {}

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
    if (optimizerInBackward) {
      return Optional.of(updateInBackward(step, indices, batch, labels, lr));
    }
    if (sharded != null) {
      return Optional.of(updateShards(sharded, step, indices, batch, labels, lr));
    }
    try (TensorScope scope = engine.openScope()) {
      Gradients gradients = new Gradients(engine, trained);
      BucketExchange exchange = new BucketExchange(ranks, gradients, scope);
      long seed = RandomBits.bits(options.seedOrZero() + ranks.rank(), step);
      List<Example> own = ofThisRank(batch);
      double sum = 0;
      for (int from = 0; from < own.size(); from += options.batchSize()) {
        int to = Math.min(own.size(), from + options.batchSize());
        List<RowsOverThreads.Row> some = rowsOf(own.subList(from, to));
        long dropout = RandomBits.bits(seed, from);
        double loss =
            ranks.worldSize() > 1 && to == own.size()
                ? rows.forwardBackward(some, dropout, exchange)
                : rows.forwardBackward(some, dropout, gradients);
        if (!Double.isFinite(loss)) {
          throw notFinite(step, "loss", loss, ofThisRank(indices).subList(from, to));
        }
        sum += loss;
      }
      exchange.finish();
      sum = ranks.sum(sum);
      Gradients.Mean mean = gradients.mean(labels, options.maxNorm());
      if (!Double.isFinite(mean.norm())) {
        throw notFinite(step, "gradient", mean.norm(), indices);
      }
      optimizer.step(mean.gradients(), lr);
      withoutGradient = gradients.missing().stream().map(names::get).toList();
      return Optional.of(new Outcome(sum / labels, mean.norm(), labels, tokens(batch)));
    }
  }

  /**
   * Updates each parameter as soon as its gradient is whole, so that no two layers' exist at once.
   */
  private Outcome updateInBackward(
      long step, List<Integer> indices, List<Example> batch, long labels, double lr) {
    double[] squares = {0};
    Set<Parameter> missing = new LinkedHashSet<>(trained);
    double sum =
        rows.forwardBackward(
            rowsOf(batch),
            RandomBits.bits(options.seedOrZero(), step),
            new Pass.GradientSink() {
              @Override
              public void loss(double sum) {
                if (!Double.isFinite(sum)) {
                  throw notFinite(step, "loss", sum, indices);
                }
                optimizer.setUpdates(optimizer.updates() + 1);
              }

              @Override
              public void take(Parameter parameter, Tensor gradient) {
                missing.remove(parameter);
                try (TensorScope scope = engine.openScope();
                    Engine.NoGradient off = engine.noGradient()) {
                  Tensor mean = engine.zeros(parameter.dtype(), gradient.shape());
                  double square = divide(gradient, (double) labels, mean);
                  if (!Double.isFinite(square)) {
                    throw notFinite(
                        step,
                        "gradient",
                        square,
                        indices,
                        missing.size() + 1 == trained.size() ? UNTOUCHED : PARTLY);
                  }
                  squares[0] += square;
                  optimizer.update(trained.indexOf(parameter), mean, lr);
                }
              }
            });
    withoutGradient = missing.stream().map(p -> names.get(trained.indexOf(p))).toList();
    return new Outcome(sum / labels, Math.sqrt(squares[0]), labels, tokens(batch));
  }

  /** Writes {@code sum / count} to {@code mean} and returns the sum of its squares. */
  private double divide(Tensor sum, double count, Tensor mean) {
    double[] squares = {0};
    Chunks.forEach(
        List.of(sum, mean),
        t -> {
          Tensor wide = Gradients.widen(t.get(0)).mul(1 / count);
          squares[0] += Gradients.square(wide);
          t.get(1).copyFrom(wide);
        });
    return squares[0];
  }

  /**
   * Updates this rank's ranges. Weights are gathered by all ranks together, so that all make as
   * many passes; those without rows idle.
   */
  private Outcome updateShards(
      TrainedModel model,
      long step,
      List<Integer> indices,
      List<Example> batch,
      long labels,
      double lr) {
    try (TensorScope scope = engine.openScope()) {
      Gradients sums = new Gradients(engine, trained);
      TrainedModel.ShardSink gradients =
          model.sink(
              sums,
              sum -> {
                if (!Double.isFinite(sum)) {
                  throw notFinite(step, "loss", sum, ofThisRank(indices));
                }
              });
      long seed = RandomBits.bits(options.seedOrZero() + ranks.rank(), step);
      List<Example> own = ofThisRank(batch);
      double sum = 0;
      int together = options.batchSize() * ranks.worldSize();
      for (int pass = 0; pass * together < batch.size(); pass++) {
        int from = Math.min(own.size(), pass * options.batchSize());
        int to = Math.min(own.size(), from + options.batchSize());
        sum +=
            rows.forwardBackward(
                rowsOf(own.subList(from, to)), RandomBits.bits(seed, from), gradients);
      }
      gradients.finish();
      sum = ranks.sum(sum);
      Gradients.Mean mean = sums.mean(labels, options.maxNorm(), ranks);
      if (!Double.isFinite(mean.norm())) {
        throw notFinite(step, "gradient", mean.norm(), indices);
      }
      optimizer.step(mean.gradients(), lr);
      withoutGradient = gradients.withoutGradient();
      return new Outcome(sum / labels, mean.norm(), labels, tokens(batch));
    }
  }

  private <T> List<T> ofThisRank(List<T> all) {
    return RankSlice.of(all, ranks.rank(), ranks.worldSize());
  }

  private static long tokens(List<Example> batch) {
    return batch.stream().mapToLong(e -> e.tokens().length).sum();
  }

  /** {@return the full names of the parameters that the last update's losses did not depend on} */
  public List<String> withoutGradient() {
    return withoutGradient;
  }

  static List<RowsOverThreads.Row> rowsOf(List<Example> batch) {
    List<RowsOverThreads.Row> rows = new ArrayList<>();
    for (Example e : batch) {
      rows.add(new RowsOverThreads.Row(e.tokens(), e.labels(), e.rowEnds()));
    }
    return rows;
  }

  private static TrainingException notFinite(
      long step, String what, double value, List<Integer> indices) {
    return notFinite(step, what, value, indices, UNTOUCHED);
  }

  private static TrainingException notFinite(
      long step, String what, double value, List<Integer> indices, String updated) {
    return new TrainingException(
        "step %d: the %s of rows %s is %s; %s: lower optimizer.lr, set clip_grad_norm=1.0, use dtype=fp32, or look at these rows"
            .formatted(
                step + 1,
                what,
                indices.stream()
                    .map(i -> Integer.toString(i + 1))
                    .collect(Collectors.joining(", ")),
                value,
                updated));
  }
}

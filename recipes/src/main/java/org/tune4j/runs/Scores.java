package org.tune4j.runs;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CancellationException;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.evaluation.Evaluation;
import org.tune4j.evaluation.LogLikelihoods;
import org.tune4j.models.Decoder;
import org.tune4j.optim.Optimizer;
import org.tune4j.recipe.RunContext;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;

/** What evaluation tasks say of a model while it is trained. */
public final class Scores {
  private final EvaluationOptions options;
  private final Evaluation evaluation;
  private final TokenizerSpec tokenizer;
  private final Path modelFolder;
  private final Engine engine;
  private final Decoder decoder;
  private final Optimizer optimizer;

  /**
   * Of this model, as it is whenever {@link #after} is called.
   *
   * @param options the tasks, whose rows are read now
   * @param tokenizer opened for each evaluation
   * @param modelFolder where the tokenizer's files lie unless it names them
   * @param engine that computes
   * @param decoder with weights
   * @param optimizer that trains it
   * @throws org.tune4j.TuneException when a task is not known or its data cannot be read
   */
  public Scores(
      EvaluationOptions options,
      TokenizerSpec tokenizer,
      Path modelFolder,
      Engine engine,
      Decoder decoder,
      Optimizer optimizer) {
    this.options = options;
    this.evaluation =
        Evaluation.of(
            options.evalTasks(), options.evalData(), options.evalLimit(), null, options.plugins());
    this.tokenizer = tokenizer;
    this.modelFolder = modelFolder;
    this.engine = engine;
    this.decoder = decoder;
    this.optimizer = optimizer;
  }

  /**
   * {@return scores by {@code eval_TASK_METRIC}; empty where none is due, or the run is asked to
   * stop}
   *
   * @param state after a step
   * @param context asked before each text whether the run is to stop, where there is one rank:
   *     several could answer differently
   * @param ranks all of which ask this and get the same
   */
  public Map<String, Double> after(RunState state, RunContext context, ProcessGroup ranks) {
    return options.due(state.step()) ? optimizer.atResult(() -> scores(context, ranks)) : Map.of();
  }

  private Map<String, Double> scores(RunContext context, ProcessGroup ranks) {
    Map<String, Double> scores = new LinkedHashMap<>();
    try (TensorScope scope = engine.openScope();
        Tokenizer tokens = tokenizer.open(modelFolder)) {
      LogLikelihoods asked =
          new LogLikelihoods(
              engine,
              scope,
              decoder,
              tokens,
              decoder.config().maxSeqLen(),
              ranks.worldSize() > 1 ? () -> false : context.stopRequested());
      evaluation
          .run("", asked)
          .results()
          .forEach(
              (task, result) ->
                  result
                      .metrics()
                      .forEach((m, value) -> scores.put("eval_" + task + "_" + m, value)));
    } catch (CancellationException e) {
      scores.clear();
    }
    return scores;
  }
}

package org.tune4j.recipes;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Optional;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.optim.Optimizer;
import org.tune4j.ranks.ModelOnRanks;
import org.tune4j.recipe.RunContext;
import org.tune4j.runs.FirstRankOutput;
import org.tune4j.runs.ModelCard;
import org.tune4j.runs.RunCheckpoints;
import org.tune4j.runs.RunIdentity;
import org.tune4j.runs.RunLog;
import org.tune4j.runs.RunState;
import org.tune4j.runs.Samples;
import org.tune4j.runs.SavedRun;
import org.tune4j.runs.Scores;

/**
 * What a run shows and writes of the model that it trains.
 *
 * @param keys of the run
 * @param context of the run
 * @param ranks of the run
 * @param model that is trained
 * @param optimizer of it
 */
record Results(
    FinetuneOptions keys,
    RunContext context,
    ProcessGroup ranks,
    ModelOnRanks model,
    Optimizer optimizer) {
  private HuggingFaceCheckpointer checkpointer() {
    return keys.checkpointer();
  }

  /** Of the evaluation tasks. */
  Scores scores() {
    return new Scores(
        keys.evaluation(),
        keys.tokenizer(),
        checkpointer().checkpointDir(),
        ranks.engine(),
        model.decoder(),
        optimizer);
  }

  /** Of the model's answers. */
  Samples samples() {
    return new Samples(
        keys.sampling(),
        keys.tokenizer(),
        checkpointer().checkpointDir(),
        ranks.engine(),
        model.decoder(),
        optimizer);
  }

  /**
   * Opens the run's folder, log and checkpoints on the first rank.
   *
   * @param reportsRanks whether metrics tell of the ranks
   * @param out what people read
   * @param saved what the run goes on from
   * @param totalSteps of the run
   * @param identity that checkpoints carry
   */
  FirstRankOutput open(
      boolean reportsRanks,
      PrintStream out,
      Optional<SavedRun> saved,
      long totalSteps,
      RunIdentity identity) {
    return FirstRankOutput.open(
        ranks,
        reportsRanks,
        () -> keys.saving().open(keys.outputDir(), checkpointer(), saved.isEmpty(), out),
        folder ->
            new RunLog(
                folder,
                context,
                begin(saved),
                totalSteps,
                keys.logging(),
                model.decoder().precision().compute()),
        () -> model.state(optimizer),
        trained ->
            new RunCheckpoints(
                keys.outputDir(),
                keys.saving().keepLastN(),
                trained,
                identity,
                (folder, values) ->
                    model.write(
                        checkpointer().writer(), folder, values, keys.saving().shardSize())));
  }

  /** The state that a run begins with. */
  static RunState begin(Optional<SavedRun> saved) {
    return saved.map(SavedRun::state).orElse(RunState.START);
  }

  /**
   * Writes the model as it is, with its card.
   *
   * @param state of the run
   * @param name of the folder
   * @param adapterOnly whether to leave the merged model out
   */
  Path save(RunState state, String name, boolean adapterOnly) {
    ModelCard card =
        new ModelCard(context, keys.outputDir(), checkpointer().checkpointDir(), model.decoder());
    return optimizer.atResult(
        () ->
            model.save(
                checkpointer().writer().withCard(() -> card.text(state)),
                name,
                adapterOnly,
                keys.saving().shardSize()));
  }
}

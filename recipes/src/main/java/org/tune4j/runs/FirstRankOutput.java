package org.tune4j.runs;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.metrics.StepMetrics;
import org.tune4j.platform.ResidentSize;
import org.tune4j.training.TrainStep;
import org.tune4j.training.Validation;

/**
 * What a run writes: its folder, log and checkpoints, all by rank 0. On other ranks methods do
 * nothing but give rank 0 what they have of a model that is sharded.
 */
public final class FirstRankOutput implements AutoCloseable {
  private final ProcessGroup ranks;
  private final boolean reportsRanks;
  private final Optional<Opened> first;
  private final Supplier<TrainedState> trained;
  private double waited;

  /** What is open on rank 0. */
  private record Opened(OutputFolder folder, RunLog log, RunCheckpoints checkpoints) {}

  /** Opens the log in a folder. */
  @FunctionalInterface
  public interface Log {
    /**
     * {@return an open log, which closes with the output}
     *
     * @param folder that rank 0 holds
     */
    RunLog in(OutputFolder folder);
  }

  private FirstRankOutput(
      ProcessGroup ranks,
      boolean reportsRanks,
      Optional<Opened> first,
      Supplier<TrainedState> trained) {
    this.ranks = ranks;
    this.reportsRanks = reportsRanks;
    this.first = first;
    this.trained = trained;
  }

  /**
   * Opens all three on rank 0.
   *
   * @param ranks of the run
   * @param reportsRanks whether metrics tell of the ranks
   * @param folder opens the run's folder; asked on rank 0 alone
   * @param log opens the log in it
   * @param trained gives copies of what a checkpoint holds, where all ranks ask for it
   * @param checkpoints of what it gives
   * @return open; the caller closes it
   */
  public static FirstRankOutput open(
      ProcessGroup ranks,
      boolean reportsRanks,
      Supplier<OutputFolder> folder,
      Log log,
      Supplier<TrainedState> trained,
      Function<Supplier<TrainedState>, RunCheckpoints> checkpoints) {
    if (ranks.rank() != 0) {
      return new FirstRankOutput(ranks, reportsRanks, Optional.empty(), trained);
    }
    OutputFolder output = folder.get();
    try {
      Opened first = new Opened(output, log.in(output), checkpoints.apply(trained));
      return new FirstRankOutput(ranks, reportsRanks, Optional.of(first), trained);
    } catch (RuntimeException | Error e) {
      output.close(); // a program may try again
      throw e;
    }
  }

  /**
   * {@return what people read: rank 0's stream, and nothing from the others}
   *
   * @param ranks of the run
   * @param out what is returned on rank 0
   */
  public static PrintStream printer(ProcessGroup ranks, PrintStream out) {
    return ranks.rank() == 0
        ? out
        : new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
  }

  /** A step begins. */
  public void start() {
    waited = ranks.secondsWaited();
    first.ifPresent(o -> o.log.start());
  }

  /** The step's update is made. */
  public void stop() {
    waited = ranks.secondsWaited() - waited;
    first.ifPresent(o -> o.log.stop());
  }

  /**
   * See {@link RunLog#firstStep}.
   *
   * @param outcome empty where the step was skipped
   * @param vocabSize of the model; null where the loss is no next token's
   * @param withoutGradient full names of parameters
   */
  public void firstStep(
      Optional<TrainStep.Outcome> outcome,
      @Nullable Integer vocabSize,
      List<String> withoutGradient) {
    first.ifPresent(o -> o.log.firstStep(outcome, vocabSize, withoutGradient));
  }

  /**
   * See {@link RunLog#step}; may add the time that rank 0 has waited, and the ranks' resident
   * sizes. See {@link RunCheckpoints#check}, too.
   *
   * @param state after the step
   * @param indices the rows of all ranks, from 0
   * @param outcome empty where the step was skipped
   * @param lr the rate that the update used
   * @param validation null where there was none
   * @param scores by {@code eval_TASK_METRIC}; empty where none were taken
   */
  public void step(
      RunState state,
      List<Integer> indices,
      Optional<TrainStep.Outcome> outcome,
      double lr,
      Validation.@Nullable Outcome validation,
      Map<String, Double> scores) {
    StepMetrics.RankMetrics all = reportsRanks ? onRanks() : null;
    first.ifPresent(
        o -> {
          o.log.step(state, indices, outcome, lr, validation, scores, all);
          o.checkpoints.check();
        });
  }

  private StepMetrics.RankMetrics onRanks() {
    double[] sizes = new double[ranks.worldSize()];
    sizes[ranks.rank()] = ResidentSize.mebibytes();
    List<Long> all = Arrays.stream(ranks.sums(sizes)).mapToObj(Math::round).toList();
    // Threads are one process.
    return new StepMetrics.RankMetrics(waited, ranks.oneProcess() ? all.subList(0, 1) : all);
  }

  /**
   * See {@link RunCheckpoints#save}.
   *
   * @param state where the run stands
   */
  public void save(RunState state) {
    first.ifPresentOrElse(o -> o.checkpoints.save(state), this::give);
  }

  private void give() {
    trained.get().release();
  }

  /**
   * Saves a checkpoint and says how to go on from it.
   *
   * @param state where the run stands
   */
  public void stopped(RunState state) {
    first.ifPresentOrElse(o -> o.log.stopped(o.checkpoints.saveNow(state)), this::give);
  }

  /**
   * Saves a checkpoint after an epoch, whose result is there.
   *
   * @param next at the beginning of the next epoch
   * @param written the result's folder
   */
  public void epoch(RunState next, Path written) {
    first.ifPresentOrElse(
        o -> {
          o.checkpoints.saveNow(next);
          o.log.saved(written);
        },
        this::give);
  }

  /**
   * See {@link RunLog#endedEarly}.
   *
   * @param state after the last validation
   * @param best the folder of the best result
   */
  public void endedEarly(RunState state, Path best) {
    first.ifPresent(o -> o.log.endedEarly(state, best));
  }

  /** See {@link RunLog#finished}. */
  public void finished() {
    first.ifPresent(o -> o.log.finished());
  }

  @Override
  public void close() {
    if (first.isPresent()) {
      Opened o = first.get();
      try (OutputFolder folder = o.folder;
          RunLog log = o.log;
          RunCheckpoints checkpoints = o.checkpoints) {
        // closed in this order: checkpoints, log, folder
      }
    }
  }
}

package org.tune4j.recipes;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Batches;
import org.tune4j.memory.MemoryPlan;
import org.tune4j.memory.RunMemory;
import org.tune4j.models.Decoder;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Objective;
import org.tune4j.nn.ParameterSummary;
import org.tune4j.optim.LrSchedule;
import org.tune4j.optim.Optimizer;
import org.tune4j.ranks.ModelOnRanks;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.runs.DryRun;
import org.tune4j.runs.FirstRankOutput;
import org.tune4j.runs.OutputFolder;
import org.tune4j.runs.RunIdentity;
import org.tune4j.runs.RunState;
import org.tune4j.runs.Samples;
import org.tune4j.runs.SavedRun;
import org.tune4j.runs.Scores;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.TensorScope;
import org.tune4j.training.ComputeOptions;
import org.tune4j.training.RowsOverThreads;
import org.tune4j.training.TrainStep;
import org.tune4j.training.TrainingData;
import org.tune4j.training.Validation;

/**
 * Fine-tuning of a decoder to an objective: of its adapters, with the base model frozen, or of
 * every parameter. One device is a group of one rank; of several ranks each takes every so-many-th
 * row of a batch, the gradients of all are added once an update, and rank 0 writes. The results are
 * those of one device with a batch as large as all ranks' together.
 */
public final class Finetune implements Recipe, RunMemory.Planned {
  private final FinetuneOptions keys;
  private final HuggingFaceCheckpointer checkpointer;
  private final LrSchedule lrScheduler;
  private final boolean saveAdapterWeightsOnly;
  private final boolean optimizerInBwd;
  private final @Nullable Strategy strategy;
  private final @Nullable Comparison comparison;
  private final Objective objective;

  /** Of keys that {@link FinetuneRecipes} has checked; without a strategy, of a single device. */
  Finetune(
      FinetuneOptions keys,
      boolean saveAdapterWeightsOnly,
      boolean optimizerInBwd,
      @Nullable Strategy strategy) {
    this(keys, keys.loss(), saveAdapterWeightsOnly, optimizerInBwd, strategy, null);
  }

  /** The same with an objective that compares with another model than the one without adapters. */
  Finetune(
      FinetuneOptions keys,
      Objective objective,
      boolean saveAdapterWeightsOnly,
      boolean optimizerInBwd,
      @Nullable Strategy strategy,
      @Nullable Comparison comparison) {
    this.keys = keys;
    this.comparison = comparison;
    this.objective = objective;
    this.checkpointer = keys.checkpointer();
    this.lrScheduler = LrSchedule.orConstant(keys.lrScheduler());
    this.saveAdapterWeightsOnly = saveAdapterWeightsOnly;
    this.optimizerInBwd = optimizerInBwd;
    this.strategy = strategy;
  }

  @Override
  public boolean distributed() {
    return strategy != null;
  }

  @Override
  public boolean takesTurns() {
    return !distributed() && keys.model().adapter() != null;
  }

  @Override
  public RunMemory memory() {
    return memory(keys.compute().expected());
  }

  private RunMemory memory(Precision precision) {
    return new RunMemory(
        keys.model(),
        checkpointer,
        keys.optimizer(),
        optimizerInBwd,
        objective,
        keys.training(),
        keys.compute(),
        precision,
        comparison == null || comparison.precomputed() ? null : comparison.checkpointer(),
        null);
  }

  @Override
  public void run(RunContext context) {
    keys.saving().requireFree(keys.outputDir(), checkpointer, context);
    keys.check(objective);
    if (comparison != null) {
      comparison.check();
    }
    try (ProcessGroup ranks = keys.compute().join(context.ranks());
        TensorScope run = ranks.engine().openScope()) {
      PrintStream out = FirstRankOutput.printer(ranks, context.out());
      Setup setup = setUp(context, ranks, run, out);
      if (setup == null) {
        return;
      }
      try (RowsOverThreads rows = setup.model.rows(setup.threads, objective)) {
        TrainStep step =
            new TrainStep(
                ranks, setup.model, setup.optimizer, rows, keys.training(), optimizerInBwd);
        Validation test =
            new Validation(
                setup.data.validation(), keys.validation().batchSize(keys.training()), objective);
        if (context.dryRun()) {
          new DryRun(step, setup.batches, setup.data.train(), setup.totalSteps)
              .report(setup.plan.mebibytes(), out);
          return;
        }
        train(context, ranks, out, setup, rows, step, test);
      }
    }
  }

  /** What a run begins with. */
  private record Setup(
      TrainingData data,
      Batches batches,
      long stepsPerEpoch,
      long totalSteps,
      RunIdentity identity,
      Optional<SavedRun> saved,
      MemoryPlan plan,
      ModelOnRanks model,
      Optimizer optimizer,
      int threads) {}

  /** Reads the rows, plans the memory, loads the model; null where the run is complete. */
  private @Nullable Setup setUp(
      RunContext context, ProcessGroup ranks, TensorScope run, PrintStream out) {
    Precision precision = keys.compute().precision(ranks);
    String computing = ComputeOptions.describe(ranks.engine(), precision);
    out.println(
        distributed()
            ? "%s, %d ranks (%s)".formatted(computing, ranks.worldSize(), ranks.name())
            : computing);
    TrainingData data = keys.read(ranks, objective);
    out.println("data: " + data.train().report());
    checkpointer.warnings().forEach(out::println);
    Batches batches = keys.training().batches(data.train(), objective, ranks);
    long stepsPerEpoch = keys.training().stepsPerEpoch(batches.perEpoch());
    long totalSteps = stepsPerEpoch * keys.training().epochs();
    lrScheduler.warning(totalSteps).ifPresent(out::println);
    RunIdentity identity = identity(context, ranks, data, precision);
    identity.requireSameOn(ranks);
    Optional<SavedRun> saved = keys.saving().resume(keys.outputDir(), identity, out);
    if (keys.validation().complete(Results.begin(saved), keys.training().epochs())) {
      if (ranks.rank() == 0) {
        OutputFolder.complete(keys.outputDir(), out);
      }
      return null;
    }
    RunMemory.RankPlan memory = plan(context, ranks, precision, data, out);
    if (memory.sharded() && !keys.optimizer().elementwise()) {
      throw new UsageException(
          "optimizer: this one updates whole parameters, and with strategy=fsdp a rank has a stretch of each; set strategy=ddp, or another optimizer, such as adamw");
    }
    int threads = saved.map(s -> s.identity().rowThreads()).orElse(identity.rowThreads());
    TrainingData known =
        comparison == null ? data : comparison.known(data, keys, ranks, threads, precision, out);
    ModelOnRanks model = keys.load(saved, ranks, run, precision, memory.sharded(), optimizerInBwd);
    if (!saveAdapterWeightsOnly) {
      keys.requireMergeable(model.decoder());
    }
    out.println(ParameterSummary.of(model.decoder()));
    Optimizer optimizer = keys.optimizer().create(model.trained());
    saved.ifPresent(s -> model.restore(s, optimizer));
    if (comparison != null) {
      comparison.giveTo(model.decoder(), ranks, precision, keys.compute().mmap());
    }
    return new Setup(
        known,
        batches,
        stepsPerEpoch,
        totalSteps,
        identity.withRowThreads(threads),
        saved,
        memory.plan(),
        model,
        optimizer,
        threads);
  }

  private RunMemory.RankPlan plan(
      RunContext context,
      ProcessGroup ranks,
      Precision precision,
      TrainingData data,
      PrintStream out) {
    int localRanks = context.ranks().localWorldSize();
    if (strategy == null) {
      return memory(precision).require(ranks, localRanks, false, data.train(), out);
    }
    RunMemory.RankPlan memory =
        memory(precision).require(ranks, localRanks, strategy.sharded(), data.train(), out);
    out.println(
        memory.sharded()
            ? "strategy fsdp: sharded weights, activation checkpointing"
            : "strategy ddp: every rank has all weights");
    return memory;
  }

  private RunIdentity identity(
      RunContext context, ProcessGroup ranks, TrainingData data, Precision precision) {
    String base =
        checkpointer.fingerprint(keys.model())
            + (comparison == null ? "" : " " + comparison.fingerprint());
    int threads = keys.compute().rowThreads(context.ranks());
    RunIdentity identity =
        distributed()
            ? RunIdentity.of(
                ranks, keys.training(), context.settings(), base, data.fingerprint(), threads)
            : RunIdentity.of(ranks.engine(), context.settings(), base, data.fingerprint(), threads);
    return identity.withPrecision(precision);
  }

  private void train(
      RunContext context,
      ProcessGroup ranks,
      PrintStream out,
      Setup setup,
      RowsOverThreads rows,
      TrainStep step,
      Validation test) {
    RunState state = Results.begin(setup.saved);
    Decoder decoder = setup.model.decoder();
    Results results = new Results(keys, context, ranks, setup.model, setup.optimizer);
    Scores scores = results.scores();
    Samples samples = results.samples();
    try (FirstRankOutput output =
        results.open(distributed(), out, setup.saved, setup.totalSteps, setup.identity)) {
      if (setup.saved.isEmpty()) {
        samples.show("before training", out);
      }
      while (state.epoch() < keys.training().epochs()) {
        while (state.epochStep() < setup.stepsPerEpoch && !keys.validation().exhausted(state)) {
          List<Integer> indices = setup.batches.of(state.epoch(), state.epochStep());
          double lr =
              keys.optimizer().lr(state.step())
                  * lrScheduler.factor(state.step(), setup.totalSteps);
          output.start();
          Optional<TrainStep.Outcome> outcome =
              step.run(state.step(), indices, setup.data.train()::get, lr);
          output.stop();
          state = state.nextStep();
          if (state.step() == 1) {
            Integer vocabSize = objective instanceof Loss ? decoder.config().vocabSize() : null;
            output.firstStep(outcome, vocabSize, step.withoutGradient());
          }
          Validation.Outcome tested = null;
          if (keys.validation().due(state.step(), state.epochStep() == setup.stepsPerEpoch)) {
            tested = setup.optimizer.atResult(() -> test.run(rows, ranks));
            boolean best = state.improves(tested.loss());
            state = state.validated(tested.loss());
            if (best) {
              Path unused = results.save(state, "best", true);
            }
          }
          output.step(state, indices, outcome, lr, tested, scores.after(state, context, ranks));
          if (keys.saving().due(state.step())) {
            output.save(state);
          }
          if (ranks.any(context.stopRequested().getAsBoolean())) {
            output.stopped(state);
            return;
          }
        }
        state = save(ranks, results, output, state);
      }
      samples.show("after training", out);
      output.finished();
    }
  }

  /** Writes an epoch's result, and a checkpoint behind it. */
  private RunState save(
      ProcessGroup ranks, Results results, FirstRankOutput output, RunState state) {
    Path epoch = results.save(state, "epoch_" + state.epoch(), saveAdapterWeightsOnly);
    boolean exhausted = keys.validation().exhausted(state);
    RunState next = state.atEpoch(exhausted ? keys.training().epochs() : state.epoch() + 1);
    output.epoch(next, epoch);
    if (exhausted) {
      output.endedEarly(next, checkpointer.outputDir().resolve("best"));
    }
    ranks.barrier();
    return next;
  }
}

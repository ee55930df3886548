package org.tune4j.recipes;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.data.Batches;
import org.tune4j.data.Prompts;
import org.tune4j.generation.Generator;
import org.tune4j.loss.GrpoLoss;
import org.tune4j.memory.MemoryPlan;
import org.tune4j.memory.RunMemory;
import org.tune4j.memory.SampledAnswers;
import org.tune4j.models.Decoder;
import org.tune4j.nn.ParameterSummary;
import org.tune4j.optim.LrSchedule;
import org.tune4j.optim.Optimizer;
import org.tune4j.ranks.ModelOnRanks;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.rewards.RewardFunction;
import org.tune4j.rollouts.EarlierLogProbabilities;
import org.tune4j.rollouts.LongestAnswers;
import org.tune4j.rollouts.RatedAnswers;
import org.tune4j.rollouts.RolloutOptions;
import org.tune4j.rollouts.Rollouts;
import org.tune4j.rollouts.SamplingModel;
import org.tune4j.runs.DryRun;
import org.tune4j.runs.FirstRankOutput;
import org.tune4j.runs.OutputFolder;
import org.tune4j.runs.RunIdentity;
import org.tune4j.runs.RunState;
import org.tune4j.runs.Samples;
import org.tune4j.runs.SavedRun;
import org.tune4j.runs.Scores;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.training.ComputeOptions;
import org.tune4j.training.RowsOverThreads;
import org.tune4j.training.TrainStep;
import org.tune4j.training.TrainingData;

/**
 * Group relative policy optimisation of adapters on one device (Shao et al. 2024): each step
 * samples groups of answers from the model as it is, has them rewarded, and updates with them.
 * Sampling and training take turns over the same tensors.
 */
public final class Grpo implements Recipe, RunMemory.Planned {
  private final FinetuneOptions keys;
  private final RolloutOptions sampling;
  private final RewardFunction reward;
  private final boolean saveAdapterWeightsOnly;
  private final GrpoLoss loss;
  private final HuggingFaceCheckpointer checkpointer;
  private final LrSchedule lrScheduler;

  /**
   * A run of this config, of which nothing is opened or read yet.
   *
   * @param keys of every recipe that fine-tunes; {@code batchSize} counts answers
   * @param sampling how answers are sampled and used
   * @param reward of an answer
   * @param saveAdapterWeightsOnly whether to leave the merged model out
   * @throws UsageException when the model has no adapters, the loss is another, a step has no whole
   *     groups, or there are validation rows
   */
  @Component("lora_grpo_single_device")
  public Grpo(
      @Inline FinetuneOptions keys,
      @Inline RolloutOptions sampling,
      @Doc("rewards the answers: http_reward, regex_reward, or one in Java") RewardFunction reward,
      @Doc("do not write the merged model") @Default("false") boolean saveAdapterWeightsOnly) {
    FinetuneRecipes.requireAdapters(keys);
    if (!(keys.loss() instanceof GrpoLoss of)) {
      throw new UsageException("loss is none of sampled answers; expected grpo_loss");
    }
    if (keys.validation().datasetVal() != null) {
      throw new UsageException(
          "dataset_val is set, and there is no loss of answers that are not sampled; leave it out,"
              + " the steps' rewards/mean tells how the run goes");
    }
    sampling.requireWholeGroups(keys.training());
    this.keys = keys;
    this.sampling = sampling;
    this.reward = reward;
    this.saveAdapterWeightsOnly = saveAdapterWeightsOnly;
    this.loss = of.sampled(sampling.temperature(), sampling.maxNewTokens());
    this.checkpointer = keys.checkpointer();
    this.lrScheduler = LrSchedule.orConstant(keys.lrScheduler());
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
        false,
        loss,
        keys.training(),
        keys.compute(),
        precision,
        null,
        new SampledAnswers(
            keys.training().rowsPerStep(), sampling.maxNewTokens(), sampling.packWeights()));
  }

  @Override
  public void run(RunContext context) {
    keys.saving().requireFree(keys.outputDir(), checkpointer, context);
    keys.check(loss);
    try (Engine engine = keys.compute().open(context.backends());
        TensorScope run = engine.openScope();
        Tokenizer tokenizer = keys.tokenizer().open(checkpointer.checkpointDir())) {
      ProcessGroup alone = ProcessGroup.alone(engine);
      Setup setup = setUp(context, alone, run);
      if (setup == null) {
        return;
      }
      Decoder decoder = setup.model.decoder();
      try (RowsOverThreads rows = setup.model.rows(setup.threads, loss);
          EarlierLogProbabilities earlier =
              new EarlierLogProbabilities(
                  setup.model,
                  setup.threads,
                  keys.training().batchSize(),
                  loss.chunkTokens(),
                  sampling.temperature())) {
        Generator generator =
            new Generator(
                engine, SamplingModel.of(engine, decoder, sampling.packWeights()), tokenizer);
        Rollouts rollouts =
            new Rollouts(
                sampling, setup.prompts, reward, generator, earlier, keys.training().seedOrZero());
        TrainStep step =
            new TrainStep(alone, setup.model, setup.optimizer, rows, keys.training(), false);
        if (context.dryRun()) {
          dryRun(setup, rollouts, step, decoder.config().maxSeqLen(), context.out());
        } else {
          train(context, alone, setup, rollouts, step);
        }
      }
    }
  }

  /** What a run begins with. */
  private record Setup(
      Prompts prompts,
      Batches batches,
      long stepsPerEpoch,
      long totalSteps,
      RunIdentity identity,
      Optional<SavedRun> saved,
      MemoryPlan plan,
      ModelOnRanks model,
      Optimizer optimizer,
      int threads) {}

  /** Reads the prompts, plans the memory, loads the model; null where the run is complete. */
  private @Nullable Setup setUp(RunContext context, ProcessGroup alone, TensorScope run) {
    PrintStream out = context.out();
    Precision precision = keys.compute().precision(alone);
    out.println(ComputeOptions.describe(alone.engine(), precision));
    Prompts prompts = prompts();
    out.println("data: " + prompts.report());
    checkpointer.warnings().forEach(out::println);
    Batches batches = sampling.batches(prompts, keys.training());
    long stepsPerEpoch = keys.training().stepsPerEpoch(batches.perEpoch());
    long totalSteps = stepsPerEpoch * keys.training().epochs();
    lrScheduler.warning(totalSteps).ifPresent(out::println);
    RunIdentity now =
        RunIdentity.of(
                alone.engine(),
                context.settings(),
                checkpointer.fingerprint(keys.model()),
                prompts.fingerprint(),
                keys.compute().rowThreads(context.ranks()))
            .withPrecision(precision);
    Optional<SavedRun> saved = keys.saving().resume(keys.outputDir(), now, out);
    if (Results.begin(saved).epoch() >= keys.training().epochs()) {
      OutputFolder.complete(keys.outputDir(), out);
      return null;
    }
    MemoryPlan plan = memory(precision).require(alone, 1, false, prompts, out).plan();
    ModelOnRanks model = keys.load(saved, alone, run, precision, false, false);
    requireRoom(prompts, model.decoder().config().maxSeqLen());
    if (!saveAdapterWeightsOnly) {
      keys.requireMergeable(model.decoder());
    }
    out.println(ParameterSummary.of(model.decoder()));
    Optimizer optimizer = keys.optimizer().create(model.trained());
    saved.ifPresent(s -> model.restore(s, optimizer));
    int threads = saved.map(s -> s.identity().rowThreads()).orElse(now.rowThreads());
    return new Setup(
        prompts,
        batches,
        stepsPerEpoch,
        totalSteps,
        now.withRowThreads(threads),
        saved,
        plan,
        model,
        optimizer,
        threads);
  }

  private Prompts prompts() {
    TrainingData data =
        TrainingData.read(keys.tokenizer(), checkpointer.checkpointDir(), keys.dataset(), null);
    if (!(data.train() instanceof Prompts prompts)) {
      throw new InputException(
          "dataset: its rows are no prompts, whose answers are sampled; use prompt_dataset");
    }
    return prompts;
  }

  private static void requireRoom(Prompts prompts, int most) {
    int longest = prompts.rowLengths().max().orElse(0);
    if (longest >= most) {
      throw new InputException(
          "dataset: a prompt has %d tokens, and prompt and answer can have at most %d; leave such rows out with tokenizer.max_seq_len=%d dataset.on_bad_row=skip"
              .formatted(longest, most, most - 1));
    }
  }

  /** Samples and rewards the first step's answers, and updates with the longest there could be. */
  private void dryRun(
      Setup setup, Rollouts rollouts, TrainStep step, int longest, PrintStream out) {
    RatedAnswers first = rollouts.sample(0, setup.batches.of(0, 0));
    out.printf("dry run: %s%n", first);
    LongestAnswers data =
        new LongestAnswers(setup.prompts, sampling.groupSize(), sampling.maxNewTokens(), longest);
    new DryRun(step, setup.batches, data, setup.totalSteps).report(setup.plan.mebibytes(), out);
  }

  private void train(
      RunContext context, ProcessGroup alone, Setup setup, Rollouts rollouts, TrainStep step) {
    RunState state = Results.begin(setup.saved);
    Results results = new Results(keys, context, alone, setup.model, setup.optimizer);
    Scores scores = results.scores();
    Samples samples = results.samples();
    try (FirstRankOutput output =
        results.open(false, context.out(), setup.saved, setup.totalSteps, setup.identity)) {
      if (setup.saved.isEmpty()) {
        samples.show("before training", context.out());
      }
      while (state.epoch() < keys.training().epochs()) {
        while (state.epochStep() < setup.stepsPerEpoch) {
          List<Integer> indices = setup.batches.of(state.epoch(), state.epochStep());
          double lr =
              keys.optimizer().lr(state.step())
                  * lrScheduler.factor(state.step(), setup.totalSteps);
          output.start();
          RatedAnswers answers = rollouts.sample(state.step(), indices);
          Optional<TrainStep.Outcome> outcome = update(step, state.step(), answers, lr);
          output.stop();
          state = state.nextStep();
          if (state.step() == 1) {
            output.firstStep(outcome, null, step.withoutGradient());
          }
          output.step(state, indices, outcome, lr, null, scores.after(state, context, alone));
          if (keys.saving().due(state.step())) {
            output.save(state);
          }
          if (context.stopRequested().getAsBoolean()) {
            output.stopped(state);
            return;
          }
        }
        Path epoch = results.save(state, "epoch_" + state.epoch(), saveAdapterWeightsOnly);
        state = state.atEpoch(state.epoch() + 1);
        output.epoch(state, epoch);
      }
      samples.show("after training", context.out());
      output.finished();
    }
  }

  /** Updates with a step's answers, so many times; what the last update gave. */
  private Optional<TrainStep.Outcome> update(
      TrainStep step, long number, RatedAnswers answers, double lr) {
    int updates = sampling.numIterations();
    Optional<TrainStep.Outcome> outcome = Optional.empty();
    for (int i = 0; i < updates; i++) {
      outcome = step.run(number * updates + i, answers.indices(), answers, lr);
    }
    return outcome.map(answers::told);
  }
}

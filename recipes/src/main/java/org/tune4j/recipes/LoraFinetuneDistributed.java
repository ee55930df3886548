package org.tune4j.recipes;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.data.Batches;
import org.tune4j.data.DatasetSpec;
import org.tune4j.memory.RunMemory;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelSpec;
import org.tune4j.nn.Objective;
import org.tune4j.optim.LrSchedule;
import org.tune4j.optim.Optimizer;
import org.tune4j.peft.ParameterSummary;
import org.tune4j.ranks.ModelOnRanks;
import org.tune4j.ranks.ReplicatedModel;
import org.tune4j.ranks.ShardedModel;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.runs.DryRun;
import org.tune4j.runs.FirstRankOutput;
import org.tune4j.runs.LoggingOptions;
import org.tune4j.runs.OutputFolder;
import org.tune4j.runs.RunCheckpoints;
import org.tune4j.runs.RunIdentity;
import org.tune4j.runs.RunLog;
import org.tune4j.runs.RunState;
import org.tune4j.runs.SampleOptions;
import org.tune4j.runs.Samples;
import org.tune4j.runs.SavedRun;
import org.tune4j.runs.SavingOptions;
import org.tune4j.runs.ValidationOptions;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.ComputeOptions;
import org.tune4j.training.RowsOverThreads;
import org.tune4j.training.TrainStep;
import org.tune4j.training.TrainingData;
import org.tune4j.training.TrainingOptions;
import org.tune4j.training.Validation;

/**
 * LoRA fine-tuning of a decoder on several ranks: each takes every so-many-th row of a batch, the
 * gradients of all are added once an update, and rank 0 writes. The results are those of one device
 * with a batch as large as all ranks' together.
 */
public final class LoraFinetuneDistributed implements Recipe, RunMemory.Planned {
  private final Path outputDir;
  private final TokenizerSpec tokenizer;
  private final ModelSpec model;
  private final HuggingFaceCheckpointer checkpointer;
  private final DatasetSpec dataset;
  private final Optimizer.Spec optimizer;
  private final LrSchedule lrScheduler;
  private final Objective loss;
  private final TrainingOptions training;
  private final ComputeOptions compute;
  private final SavingOptions saving;
  private final boolean saveAdapterWeightsOnly;
  private final ValidationOptions validation;
  private final Strategy strategy;
  private final SampleOptions sampling;
  private final LoggingOptions logging;

  /**
   * A run of this config, of which nothing is opened or read yet.
   *
   * @param outputDir where rank 0 writes results
   * @param tokenizer turns text into token ids
   * @param model the architecture and its adapters
   * @param checkpointer where weights come from and how results are saved
   * @param dataset the rows to train on
   * @param optimizer how the adapters are updated
   * @param lrScheduler the learning rate's course; null for a constant rate
   * @param loss what is minimised
   * @param training how rows are taken and updates made; {@code batch_size} is each rank's
   * @param compute what computes, where, and in which type
   * @param saving what is kept while it runs
   * @param saveAdapterWeightsOnly whether to leave the merged model out
   * @param validation rows it is tested on, and when it stops for them
   * @param strategy {@code ddp}, {@code fsdp} to shard weights too, or {@code auto} to shard them
   *     where memory needs it
   * @param sampling questions it answers before and after
   * @param logging what is told of its steps, and to whom
   * @throws UsageException when {@code model} has no adapters, or {@code strategy} is another word
   */
  @Component("lora_finetune_distributed")
  public LoraFinetuneDistributed(
      @Doc("where results are written") Path outputDir,
      @Doc("turns text into token ids") TokenizerSpec tokenizer,
      @Doc("the architecture and its adapters") ModelSpec model,
      @Doc("where weights come from and how results are saved")
          HuggingFaceCheckpointer checkpointer,
      @Doc("the rows to train on") DatasetSpec dataset,
      @Doc("how parameters are updated") Optimizer.Spec optimizer,
      @Doc("the learning rate's course; null for a constant rate") @Nullable LrSchedule lrScheduler,
      @Doc("what is minimised") Objective loss,
      @Inline TrainingOptions training,
      @Inline ComputeOptions compute,
      @Inline SavingOptions saving,
      @Doc("do not write the merged model") @Default("false") boolean saveAdapterWeightsOnly,
      @Inline ValidationOptions validation,
      @Doc("ddp, fsdp to shard weights too, or auto to choose") @Default("auto") String strategy,
      @Inline SampleOptions sampling,
      @Inline LoggingOptions logging) {
    if (model.lora() == null) {
      throw new UsageException(
          "model %s has no adapters; name a builder with adapters, such as lora_auto"
              .formatted(model.name()));
    }
    this.outputDir = outputDir;
    this.tokenizer = tokenizer;
    this.model = model;
    this.checkpointer = checkpointer;
    this.dataset = dataset;
    this.optimizer = optimizer;
    this.lrScheduler = LrSchedule.orConstant(lrScheduler);
    this.loss = loss;
    this.training = training;
    this.compute = compute;
    this.saving = saving;
    this.saveAdapterWeightsOnly = saveAdapterWeightsOnly;
    this.validation = validation;
    this.strategy = Strategy.parse(strategy);
    this.sampling = sampling;
    this.logging = logging;
  }

  @Override
  public boolean distributed() {
    return true;
  }

  @Override
  public RunMemory memory() {
    return new RunMemory(model, checkpointer, optimizer, false, loss, training, compute);
  }

  @Override
  public void run(RunContext context) {
    // Setup
    saving.requireFree(outputDir, checkpointer, context);
    checkpointer.check(model);
    try (ProcessGroup ranks = compute.join(context.ranks());
        TensorScope run = ranks.engine().openScope()) {
      PrintStream out = FirstRankOutput.printer(ranks, context.out());
      out.printf(
          "%s, %d ranks (%s)%n",
          ComputeOptions.describe(ranks.engine()), ranks.worldSize(), ranks.name());
      TrainingData data =
          TrainingData.read(
              ranks, tokenizer, checkpointer.checkpointDir(), dataset, validation.datasetVal());
      out.println("data: " + data.train().report());
      checkpointer.warnings().forEach(out::println);
      Batches batches = training.batches(data.train(), loss, ranks);
      long stepsPerEpoch = training.stepsPerEpoch(batches.perEpoch());
      long totalSteps = stepsPerEpoch * training.epochs();
      lrScheduler.warning(totalSteps).ifPresent(out::println);
      RunIdentity identity =
          RunIdentity.of(
              ranks,
              training,
              context.settings(),
              checkpointer.fingerprint(),
              data.fingerprint(),
              compute.rowThreads(context.ranks()));
      identity.requireSameOn(ranks);
      Optional<SavedRun> saved = saving.resume(outputDir, identity, out);
      RunState state = saved.map(SavedRun::state).orElse(RunState.START);
      if (validation.complete(state, training.epochs())) {
        if (ranks.rank() == 0) {
          OutputFolder.complete(outputDir, out);
        }
        return;
      }
      RunMemory.OnRanks memory =
          memory()
              .require(
                  ranks, context.ranks().localWorldSize(), strategy.sharded(), data.train(), out);
      out.println(
          memory.sharded()
              ? "strategy fsdp: weights are sharded, layers checkpointed"
              : "strategy ddp: every rank has all weights");
      HuggingFaceCheckpointer from =
          saved.map(s -> checkpointer.withAdapter(s.folder())).orElse(checkpointer);
      ModelOnRanks shared = load(from, ranks, run, memory.sharded());
      Decoder decoder = shared.decoder();
      out.println(ParameterSummary.of(decoder));
      Optimizer update = optimizer.create(List.copyOf(shared.trained().values()));
      saved.ifPresent(s -> shared.restore(s, update));
      int threads = saved.map(s -> s.identity().rowThreads()).orElse(identity.rowThreads());

      try (RowsOverThreads rows = shared.rows(threads, loss)) {
        TrainStep step = new TrainStep(ranks, shared, update, rows, training, false);
        Validation test = new Validation(data.validation(), validation.batchSize(training), loss);
        if (context.dryRun()) {
          new DryRun(step, batches, data.train(), totalSteps).report(memory.plan(), out);
          return;
        }

        // Train
        RunState begin = state;
        Samples samples =
            new Samples(sampling, tokenizer, checkpointer.checkpointDir(), ranks.engine(), decoder);
        try (FirstRankOutput output =
            FirstRankOutput.open(
                ranks,
                () -> saving.open(outputDir, checkpointer, saved.isEmpty(), out),
                folder -> new RunLog(folder, context, begin, totalSteps, logging),
                () -> shared.state(update),
                trained ->
                    new RunCheckpoints(
                        outputDir,
                        saving.keepLastN(),
                        trained,
                        identity.withRowThreads(threads),
                        (folder, values) ->
                            checkpointer.writeAdapter(
                                folder, decoder.lora().orElseThrow(), values)))) {
          if (saved.isEmpty()) {
            samples.show("before training", out);
          }
          while (state.epoch() < training.epochs()) {
            while (state.epochStep() < stepsPerEpoch && !validation.exhausted(state)) {
              List<Integer> indices = batches.of(state.epoch(), state.epochStep());
              double lr = optimizer.lr() * lrScheduler.factor(state.step(), totalSteps);
              output.start();
              Optional<TrainStep.Outcome> outcome =
                  step.run(state.step(), indices, data.train()::get, lr);
              output.stop();
              state = state.nextStep();
              if (state.step() == 1) {
                output.firstStep(outcome, decoder.config().vocabSize(), step.withoutGradient());
              }
              Double valLoss = null;
              if (validation.due(state.step(), state.epochStep() == stepsPerEpoch)) {
                valLoss = test.loss(rows, ranks);
                if (state.improves(valLoss)) {
                  Path unused = shared.save(checkpointer, "best", true, saving.shardSize());
                }
                state = state.validated(valLoss);
              }
              output.step(state, indices, outcome, lr, valLoss);
              if (saving.due(state.step())) {
                output.save(state);
              }
              if (ranks.any(context.stopRequested().getAsBoolean())) {
                output.stopped(state);
                return;
              }
            }

            // Save
            Path epoch =
                shared.save(
                    checkpointer,
                    "epoch_" + state.epoch(),
                    saveAdapterWeightsOnly,
                    saving.shardSize());
            state =
                validation.exhausted(state)
                    ? state.atEpoch(training.epochs())
                    : state.atEpoch(state.epoch() + 1);
            output.epoch(state, epoch);
            if (validation.exhausted(state)) {
              output.endedEarly(state, checkpointer.outputDir().resolve("best"));
            }
            ranks.barrier();
          }
          samples.show("after training", out);
          output.finished();
        }
      }
    }
  }

  private ModelOnRanks load(
      HuggingFaceCheckpointer from, ProcessGroup ranks, TensorScope run, boolean sharded) {
    if (sharded) {
      return ShardedModel.load(
          from, model, from.checkpointDir(), ranks, run, compute.type(), training.seedOrZero());
    }
    Decoder decoder =
        from.load(model, ranks, compute.type(), compute.mmap(), training.seedOrZero());
    decoder.setCheckpointLayers(compute.enableActivationCheckpointing());
    return new ReplicatedModel(ranks, decoder);
  }
}

package org.tune4j.recipes;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
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
import org.tune4j.memory.MemoryPlan;
import org.tune4j.memory.RunMemory;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelSpec;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.LrSchedule;
import org.tune4j.optim.Optimizer;
import org.tune4j.peft.Adapters;
import org.tune4j.peft.ParameterSummary;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.runs.DryRun;
import org.tune4j.runs.EvaluationOptions;
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
import org.tune4j.runs.Scores;
import org.tune4j.runs.ValidationOptions;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.ComputeOptions;
import org.tune4j.training.RowsOverThreads;
import org.tune4j.training.TrainStep;
import org.tune4j.training.TrainingData;
import org.tune4j.training.TrainingOptions;
import org.tune4j.training.Validation;

/**
 * LoRA fine-tuning of a decoder on one device: the base model is frozen, the adapters are trained.
 */
public final class LoraFinetuneSingleDevice implements Recipe, RunMemory.Planned {
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
  private final EvaluationOptions evaluation;
  private final SampleOptions sampling;
  private final LoggingOptions logging;

  /**
   * A run of this config, of which nothing is opened or read yet.
   *
   * @param outputDir where results are written
   * @param tokenizer turns text into token ids
   * @param model the architecture and its adapters
   * @param checkpointer where weights come from and how results are saved
   * @param dataset the rows to train on
   * @param optimizer how the adapters are updated
   * @param lrScheduler the learning rate's course; null for a constant rate
   * @param loss what is minimised
   * @param training how rows are taken and updates made
   * @param compute what computes, where, and in which type
   * @param saving what is kept while it runs
   * @param saveAdapterWeightsOnly whether to leave the merged model out
   * @param validation rows it is tested on, and when it stops for them
   * @param evaluation tasks it is scored by
   * @param sampling questions it answers before and after
   * @param logging what is told of its steps, and to whom
   * @throws UsageException when {@code model} has no adapters
   */
  @Component("lora_finetune_single_device")
  public LoraFinetuneSingleDevice(
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
      @Inline EvaluationOptions evaluation,
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
    this.evaluation = evaluation;
    this.sampling = sampling;
    this.logging = logging;
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
    TrainingData data =
        TrainingData.read(
            tokenizer, checkpointer.checkpointDir(), dataset, validation.datasetVal());
    Batches batches = training.batches(data.train().size(), loss, 1);
    long stepsPerEpoch = training.stepsPerEpoch(batches.perEpoch());
    long totalSteps = stepsPerEpoch * training.epochs();
    try (Engine engine = compute.open(context.backends());
        TensorScope run = engine.openScope()) {
      context.out().println(ComputeOptions.describe(engine));
      context.out().println("data: " + data.train().report());
      checkpointer.warnings().forEach(context.out()::println);
      lrScheduler.warning(totalSteps).ifPresent(context.out()::println);
      RunIdentity identity =
          RunIdentity.of(
              engine,
              context.settings(),
              checkpointer.fingerprint(),
              data.fingerprint(),
              compute.rowThreads());
      Optional<SavedRun> saved = saving.resume(outputDir, identity, context.out());
      RunState state = saved.map(SavedRun::state).orElse(RunState.START);
      if (validation.complete(state, training.epochs())) {
        OutputFolder.complete(outputDir, context.out());
        return;
      }
      MemoryPlan plan = memory().require(engine.backend().name(), data.train(), context.out());
      Decoder decoder =
          saved
              .map(s -> checkpointer.withAdapter(s.folder()))
              .orElse(checkpointer)
              .load(
                  model,
                  ProcessGroup.alone(engine),
                  compute.type(),
                  compute.mmap(),
                  training.seedOrZero());
      decoder.setCheckpointLayers(compute.enableActivationCheckpointing());
      context.out().println(ParameterSummary.of(decoder));
      Map<String, Parameter> adapters = Adapters.parameters(decoder);
      Optimizer update = optimizer.create(List.copyOf(adapters.values()));
      saved.ifPresent(s -> s.restore(update, List.copyOf(adapters.keySet())));
      int threads = saved.map(s -> s.identity().rowThreads()).orElse(identity.rowThreads());

      try (RowsOverThreads rows = new RowsOverThreads(engine, decoder, threads, loss)) {
        TrainStep step = new TrainStep(engine, adapters, update, rows, training, false);
        Validation test = new Validation(data.validation(), validation.batchSize(training), loss);
        if (context.dryRun()) {
          new DryRun(step, batches, data.train(), totalSteps).report(plan, context.out());
          return;
        }

        // Train
        Scores scores =
            new Scores(evaluation, tokenizer, checkpointer.checkpointDir(), engine, decoder);
        Samples samples =
            new Samples(sampling, tokenizer, checkpointer.checkpointDir(), engine, decoder);
        try (OutputFolder output =
                saving.open(outputDir, checkpointer, saved.isEmpty(), context.out());
            RunLog log = new RunLog(output, context, state, totalSteps, logging);
            RunCheckpoints checkpoints =
                new RunCheckpoints(
                    outputDir,
                    saving.keepLastN(),
                    adapters,
                    update,
                    identity.withRowThreads(threads),
                    (folder, values) ->
                        checkpointer.writeAdapter(folder, decoder.lora().orElseThrow(), values))) {
          if (saved.isEmpty()) {
            samples.show("before training", context.out());
          }
          while (state.epoch() < training.epochs()) {
            while (state.epochStep() < stepsPerEpoch && !validation.exhausted(state)) {
              List<Integer> indices = batches.of(state.epoch(), state.epochStep());
              double lr = optimizer.lr() * lrScheduler.factor(state.step(), totalSteps);
              log.start();
              Optional<TrainStep.Outcome> outcome =
                  step.run(state.step(), indices, data.train()::get, lr);
              log.stop();
              state = state.nextStep();
              if (state.step() == 1) {
                log.firstStep(outcome, decoder.config().vocabSize(), step.withoutGradient());
              }
              Double valLoss = null;
              if (validation.due(state.step(), state.epochStep() == stepsPerEpoch)) {
                valLoss = test.loss(rows);
                if (state.improves(valLoss)) {
                  checkpointer.saveAdapter(decoder, "best", true, saving.shardSize());
                }
                state = state.validated(valLoss);
              }
              log.step(state, indices, outcome, lr, valLoss, scores.after(state, context));
              checkpoints.check();
              if (saving.due(state.step())) {
                checkpoints.save(state);
              }
              if (context.stopRequested().getAsBoolean()) {
                log.stopped(checkpoints.saveNow(state));
                return;
              }
            }

            // Save
            Path epoch =
                checkpointer.saveAdapter(
                    decoder, "epoch_" + state.epoch(), saveAdapterWeightsOnly, saving.shardSize());
            state =
                validation.exhausted(state)
                    ? state.atEpoch(training.epochs())
                    : state.atEpoch(state.epoch() + 1);
            checkpoints.saveNow(state);
            log.saved(epoch);
            if (validation.exhausted(state)) {
              log.endedEarly(state, checkpointer.outputDir().resolve("best"));
            }
          }
          samples.show("after training", context.out());
          log.finished();
        }
      }
    }
  }
}

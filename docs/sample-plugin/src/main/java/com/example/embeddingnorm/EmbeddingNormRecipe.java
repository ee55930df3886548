package com.example.embeddingnorm;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.component.Component;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.data.Batches;
import org.tune4j.data.DatasetSpec;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelSpec;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Optimizer;
import org.tune4j.adapters.Adapters;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.runs.LoggingOptions;
import org.tune4j.runs.OutputFolder;
import org.tune4j.runs.RunLog;
import org.tune4j.runs.RunState;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.ComputeOptions;
import org.tune4j.training.RowsOverThreads;
import org.tune4j.training.TrainStep;
import org.tune4j.training.TrainingData;
import org.tune4j.training.TrainingOptions;

/** Trains one vector: the weight of the norm behind the embeddings. */
public final class EmbeddingNormRecipe implements Recipe {
  private static final String TRAINED = "model.layers.0.input_layernorm.weight";

  private final Path outputDir;
  private final TokenizerSpec tokenizer;
  private final ModelSpec model;
  private final HuggingFaceCheckpointer checkpointer;
  private final DatasetSpec dataset;
  private final Optimizer.Spec optimizer;
  private final Loss loss;
  private final TrainingOptions training;
  private final ComputeOptions compute;
  private final LoggingOptions logging;

  @Component("embedding_norm")
  public EmbeddingNormRecipe(
      @Doc("where results are written") Path outputDir,
      @Doc("converts text to token ids") TokenizerSpec tokenizer,
      @Doc("the architecture") ModelSpec model,
      @Doc("where weights come from and how results are saved") HuggingFaceCheckpointer checkpointer,
      @Doc("the training rows") DatasetSpec dataset,
      @Doc("how the vector is updated") Optimizer.Spec optimizer,
      @Doc("the loss") Loss loss,
      @Inline TrainingOptions training,
      @Inline ComputeOptions compute,
      @Inline LoggingOptions logging) {
    this.outputDir = outputDir;
    this.tokenizer = tokenizer;
    this.model = model;
    this.checkpointer = checkpointer;
    this.dataset = dataset;
    this.optimizer = optimizer;
    this.loss = loss;
    this.training = training;
    this.compute = compute;
    this.logging = logging;
  }

  @Override
  public void run(RunContext context) {
    // Setup
    checkpointer.check(model);
    Path weights = checkpointer.checkpointDir();
    TrainingData data = TrainingData.read(tokenizer, weights, dataset, null);
    Batches batches =
        new Batches(
            data.train().size(), training.rowsPerStep(), training.shuffle(), training.seedOrZero());
    long stepsPerEpoch = training.stepsPerEpoch(batches.perEpoch());
    try (Engine engine = compute.open(context.backends());
        TensorScope run = engine.openScope()) {
      Decoder decoder = checkpointer.loadTrainable(model, weights, engine, compute.type());
      Adapters.setTrainable(decoder, Set.of(TRAINED));
      Map<String, Parameter> trained = Map.of(TRAINED, decoder.parameters().get(TRAINED));
      Optimizer update = optimizer.create(List.copyOf(trained.values()));
      RunState state = RunState.START;
      try (RowsOverThreads rows = new RowsOverThreads(engine, decoder, compute.rowThreads(), loss);
          OutputFolder output = OutputFolder.open(outputDir, true, context.out());
          RunLog log =
              new RunLog(
                  output,
                  context,
                  state,
                  stepsPerEpoch * training.epochs(),
                  logging,
                  compute.type())) {
        TrainStep step = new TrainStep(engine, trained, update, rows, training, false);

        // Train
        while (state.epoch() < training.epochs()) {
          while (state.epochStep() < stepsPerEpoch && !context.stopRequested().getAsBoolean()) {
            List<Integer> indices = batches.of(state.epoch(), state.epochStep());
            log.start();
            Optional<TrainStep.Outcome> outcome =
                step.run(state.step(), indices, data.train()::get, optimizer.lr());
            log.stop();
            state = state.nextStep();
            log.step(state, indices, outcome, optimizer.lr(), null, Map.of());
          }
          state = state.atEpoch(state.epoch() + 1);
        }

        // Save
        ShardSize shard = ShardSize.parse("5GB");
        log.saved(checkpointer.writer().saveModel(decoder, "epoch_0", compute.type(), shard));
        log.finished();
      }
    }
  }
}

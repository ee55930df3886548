package org.tune4j.recipes;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.data.Batches;
import org.tune4j.data.DatasetSpec;
import org.tune4j.data.Example;
import org.tune4j.loss.ChunkedCrossEntropy;
import org.tune4j.metrics.MetricsFile;
import org.tune4j.metrics.Progress;
import org.tune4j.metrics.ResidentSize;
import org.tune4j.metrics.StepMetrics;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelSpec;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.LrSchedule;
import org.tune4j.optim.Optimizer;
import org.tune4j.peft.Adapters;
import org.tune4j.peft.ParameterSummary;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.spi.BackendOptions;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.Gradients;
import org.tune4j.training.HuggingFaceCheckpointer;
import org.tune4j.training.RowsOverThreads;

/**
 * LoRA fine-tuning of a decoder on one device: the base model is frozen, the adapters are trained.
 */
public final class LoraFinetuneSingleDevice implements Recipe {
  private final Path outputDir;
  private final TokenizerSpec tokenizer;
  private final ModelSpec model;
  private final HuggingFaceCheckpointer checkpointer;
  private final DatasetSpec dataset;
  private final Optimizer.Spec optimizer;
  private final LrSchedule lrScheduler;
  private final ChunkedCrossEntropy loss;
  private final int batchSize;
  private final int epochs;
  private final @Nullable Integer maxStepsPerEpoch;
  private final int gradientAccumulationSteps;
  private final @Nullable Double clipGradNorm;
  private final boolean shuffle;
  private final long seed;
  private final String backend;
  private final Device device;
  private final DType dtype;
  private final int threads;
  private final boolean enableActivationCheckpointing;
  private final boolean saveAdapterWeightsOnly;
  private final ShardSize maxShardSize;
  private final int logEveryNSteps;

  @Component("lora_finetune_single_device")
  public LoraFinetuneSingleDevice(
      @Doc("where results are written") Path outputDir,
      @Doc("turns text into token ids") TokenizerSpec tokenizer,
      @Doc("the architecture and its adapters") ModelSpec model,
      @Doc("where weights come from and how results are saved")
          HuggingFaceCheckpointer checkpointer,
      @Doc("the rows to train on") DatasetSpec dataset,
      @Doc("how parameters are updated") Optimizer.Spec optimizer,
      @Doc("the learning rate's course") LrSchedule lrScheduler,
      @Doc("what is minimised") ChunkedCrossEntropy loss,
      @Doc("rows of a micro-batch") @Default("2") int batchSize,
      @Doc("passes over the data") @Default("1") int epochs,
      @Doc("updates after which an epoch ends early") @Nullable Integer maxStepsPerEpoch,
      @Doc("micro-batches of an update") @Default("1") int gradientAccumulationSteps,
      @Doc("largest global L2 norm of the gradients") @Nullable Double clipGradNorm,
      @Doc("rows in random order, another each epoch") @Default("true") boolean shuffle,
      @Doc("of initial adapters, order and dropout") @Nullable Long seed,
      @Doc("javacpp or djl; empty for TUNE_BACKEND or the first available") @Default("''")
          String backend,
      @Doc("cpu, cuda or cuda:INDEX") @Default("cpu") String device,
      @Doc("fp32, bf16 or fp16: of weights, adapters and optimiser state") @Default("bf16")
          String dtype,
      @Doc("threads that share the rows; 0 for all cores") @Default("0") int threads,
      @Doc("keep only layer inputs and compute layers again in backward") @Default("false")
          boolean enableActivationCheckpointing,
      @Doc("do not write the merged model") @Default("false") boolean saveAdapterWeightsOnly,
      @Doc("size of the merged model's files") @Default("5GB") String maxShardSize,
      @Doc("resuming is not supported yet") @Default("false") boolean resumeFromCheckpoint,
      @Doc("how often progress is shown") @Default("1") int logEveryNSteps) {
    positive("batch_size", batchSize);
    positive("epochs", epochs);
    positive("gradient_accumulation_steps", gradientAccumulationSteps);
    positive("log_every_n_steps", logEveryNSteps);
    if (maxStepsPerEpoch != null) {
      positive("max_steps_per_epoch", maxStepsPerEpoch);
    }
    if (clipGradNorm != null && !(clipGradNorm > 0)) {
      throw new UsageException(
          "clip_grad_norm is %s, expected a number above 0".formatted(clipGradNorm));
    }
    if (resumeFromCheckpoint) {
      throw new UsageException("resume_from_checkpoint=true is not supported yet; set it to false");
    }
    if (threads < 0) {
      throw new UsageException("threads is %d, expected 0 or more".formatted(threads));
    }
    if (model.lora() == null) {
      throw new UsageException(
          "model %s has no adapters; use lora_%s".formatted(model.name(), model.name()));
    }
    this.outputDir = outputDir;
    this.tokenizer = tokenizer;
    this.model = model;
    this.checkpointer = checkpointer;
    this.dataset = dataset;
    this.optimizer = optimizer;
    this.lrScheduler = lrScheduler;
    this.loss = loss;
    this.batchSize = batchSize;
    this.epochs = epochs;
    this.maxStepsPerEpoch = maxStepsPerEpoch;
    this.gradientAccumulationSteps = gradientAccumulationSteps;
    this.clipGradNorm = clipGradNorm;
    this.shuffle = shuffle;
    this.seed = seed == null ? 0 : seed;
    this.backend = backend;
    this.device = Device.parse(device);
    this.dtype = DType.parse(dtype);
    this.threads = threads;
    this.enableActivationCheckpointing = enableActivationCheckpointing;
    this.saveAdapterWeightsOnly = saveAdapterWeightsOnly;
    this.maxShardSize = ShardSize.parse(maxShardSize);
    this.logEveryNSteps = logEveryNSteps;
  }

  private static void positive(String key, int value) {
    if (value < 1) {
      throw new UsageException("%s is %d, expected 1 or more".formatted(key, value));
    }
  }

  @Override
  public void run(RunContext context) {
    // Setup
    checkpointer.check();
    List<Example> data = readData();
    try (Engine engine = context.backends().open(backend, new BackendOptions(device, threads));
        TensorScope run = engine.openScope()) {
      context.out().println(describe(engine));
      Decoder decoder = checkpointer.load(model, engine, dtype, seed);
      decoder.setCheckpointLayers(enableActivationCheckpointing);
      List<Parameter> adapters = List.copyOf(Adapters.parameters(decoder).values());
      context.out().println(ParameterSummary.of(decoder));
      Optimizer update = optimizer.create(adapters);
      Batches batches =
          new Batches(data.size(), batchSize * gradientAccumulationSteps, shuffle, seed);
      long stepsPerEpoch = batches.perEpoch();
      if (maxStepsPerEpoch != null) {
        stepsPerEpoch = Math.min(stepsPerEpoch, maxStepsPerEpoch);
      }
      long totalSteps = stepsPerEpoch * epochs;
      Progress progress = new Progress(context.out(), context.terminal(), totalSteps);
      checkpointer.saveConfig(context.resolvedConfig());

      // Train
      try (MetricsFile metrics = MetricsFile.create(outputDir.resolve("logs"));
          RowsOverThreads rows =
              new RowsOverThreads(engine, decoder, rowThreads(), loss.chunkTokens())) {
        long step = 0;
        long draws = 0;
        for (int epoch = 0; epoch < epochs; epoch++) {
          for (int i = 0; i < stepsPerEpoch; i++) {
            long started = System.nanoTime();
            List<Example> batch = batches.of(epoch, i).stream().map(data::get).toList();
            double lr = optimizer.lr() * lrScheduler.factor(step, totalSteps);
            try (TensorScope scope = engine.openScope()) {
              Gradients gradients = new Gradients(engine, adapters);
              double sum = 0;
              for (List<RowsOverThreads.Row> micro : partition(batch)) {
                sum += rows.forwardBackward(micro, RandomBits.bits(seed, draws++), gradients);
              }
              long labels = batch.stream().mapToLong(Example::labelCount).sum();
              Gradients.Mean mean =
                  gradients.mean(
                      labels, clipGradNorm == null ? Double.POSITIVE_INFINITY : clipGradNorm);
              update.step(mean.gradients(), lr);
              step++;
              StepMetrics m =
                  new StepMetrics(
                      step,
                      epoch,
                      sum / labels,
                      lr,
                      mean.norm(),
                      labels,
                      batch.stream().mapToLong(e -> e.tokens().length).sum(),
                      (System.nanoTime() - started) * 1e-9,
                      ResidentSize.mebibytes());
              metrics.append(m);
              if (step % logEveryNSteps == 0 || step == totalSteps) {
                progress.show(m);
              }
            }
          }

          // Save
          Path saved = checkpointer.save(decoder, epoch, saveAdapterWeightsOnly, maxShardSize);
          context.out().println("saved " + saved);
        }
      }
    }
  }

  private List<Example> readData() {
    Integer limit = tokenizer.maxSeqLen();
    try (Tokenizer tokens = tokenizer.open(checkpointer.checkpointDir())) {
      return dataset.open(tokens, limit == null ? Integer.MAX_VALUE : limit);
    }
  }

  private static String describe(Engine engine) {
    return "backend %s (%s), device %s, %d threads"
        .formatted(
            engine.backend().name(),
            engine.backend().version(),
            engine.device(),
            engine.backend().threads());
  }

  private int rowThreads() {
    return threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
  }

  /** The step's rows, a micro-batch at a time. */
  private List<List<RowsOverThreads.Row>> partition(List<Example> batch) {
    List<RowsOverThreads.Row> rows =
        batch.stream()
            .map(
                e -> new RowsOverThreads.Row(e.tokens(), e.labels(), new int[] {e.tokens().length}))
            .toList();
    return IntStream.iterate(0, i -> i < rows.size(), i -> i + batchSize)
        .mapToObj(i -> rows.subList(i, Math.min(rows.size(), i + batchSize)))
        .toList();
  }
}

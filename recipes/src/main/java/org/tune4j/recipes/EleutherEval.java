package org.tune4j.recipes;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.component.ByName;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Incomplete;
import org.tune4j.component.Inline;
import org.tune4j.component.Provided;
import org.tune4j.evaluation.Evaluation;
import org.tune4j.evaluation.EvaluationTask;
import org.tune4j.evaluation.LogLikelihoods;
import org.tune4j.inference.InferenceModel;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.ComputeOptions;

/**
 * Scores a model by tasks as EleutherAI's lm-eval defines them, on local data. Texts are never
 * padded and a question's context is read once, so {@code batch_size} and {@code enable_kv_cache}
 * change nothing.
 */
public final class EleutherEval implements Recipe, Incomplete {
  private final Path outputDir;
  private final TokenizerSpec tokenizer;
  private final ModelSpec model;
  private final HuggingFaceCheckpointer checkpointer;
  private final List<String> tasks;
  private final Optional<String> missing;
  private final @Nullable Path data;
  private final int limit;
  private final int maxSeqLength;
  private final @Nullable Path includePath;
  private final boolean overwrite;
  private final ByName<EvaluationTask> plugins;
  private final ModelRegistry models;
  private final ComputeOptions compute;

  /**
   * An evaluation of this config, of which nothing is opened or read yet.
   *
   * @param outputDir where {@code results.json} is written
   * @param tokenizer turns text into token ids
   * @param model the architecture, without adapters
   * @param checkpointer where weights come from, and the adapter if there is one
   * @param tasks built-in tasks, YAML files, or tasks of {@code includePath} or of plugins
   * @param data the rows of all tasks; null where each names its own file
   * @param limit maximum number of rows per task; null or 0 for all
   * @param maxSeqLength texts are truncated at their beginning to this many tokens; 2 or more
   * @param includePath a folder where {@code NAME.yaml} is task {@code NAME}; null for none
   * @param batchSize torchtune's; nothing is padded
   * @param enableKvCache torchtune's; a context is always read once
   * @param quantizer null
   * @param seed torchtune's; nothing is drawn
   * @param overwrite whether an earlier {@code results.json} is replaced, instead of being refused
   * @param plugins tasks that are not built in; no key
   * @param models the families and the types of adapters there are
   * @param compute what computes, where, and in which type
   * @throws UsageException when {@code model} has adapters, there is a {@code quantizer}, {@code
   *     maxSeqLength} or {@code limit} is less, or a task is not known
   * @throws org.tune4j.InputException when a task's YAML file cannot be read, or its data file is
   *     missing
   */
  @Component("eleuther_eval")
  public EleutherEval(
      @Doc("where results.json is written") Path outputDir,
      @Doc("converts text to token ids") TokenizerSpec tokenizer,
      @Doc("the architecture, without adapters") ModelSpec model,
      @Doc("where weights come from, and the adapter if there is one")
          HuggingFaceCheckpointer checkpointer,
      @Doc(
              "truthfulqa_mc2, truthfulqa_mc1, perplexity, classification, reward, custom tasks or plugins' tasks")
          List<String> tasks,
      @Doc("the tasks' rows; null if each task names its own file") @Nullable Path data,
      @Doc("maximum number of rows per task; null for all") @Nullable Integer limit,
      @Doc("texts are truncated at their beginning to this many tokens") @Default("4096")
          int maxSeqLength,
      @Doc("a folder of custom tasks: NAME.yaml is task NAME") @Nullable Path includePath,
      @Doc("accepted for torchtune's configs; nothing is padded") @Default("8") int batchSize,
      @Doc("accepted for torchtune's configs; a context is always computed once") @Default("true")
          boolean enableKvCache,
      @Doc("must be null: weights have the dtype of dtype") @Nullable Object quantizer,
      @Doc("accepted for torchtune's configs; nothing is random") @Nullable Long seed,
      @Doc("replace an earlier results.json in output_dir, instead of failing") @Default("false")
          boolean overwrite,
      ByName<EvaluationTask> plugins,
      @Provided ModelRegistry models,
      @Inline ComputeOptions compute) {
    requireNoAdapters(model);
    if (quantizer != null) {
      throw new UsageException("quantizer is not supported; set it to null");
    }
    if (maxSeqLength < 2) {
      throw new UsageException("max_seq_length is %d, expected 2 or more".formatted(maxSeqLength));
    }
    this.limit = limit == null ? 0 : limit;
    this.missing =
        Evaluation.missing(Evaluation.tasks(tasks, data, this.limit, includePath, plugins), data);
    this.outputDir = outputDir;
    this.tokenizer = tokenizer;
    this.model = model;
    this.checkpointer = checkpointer;
    this.tasks = tasks;
    this.data = data;
    this.maxSeqLength = maxSeqLength;
    this.includePath = includePath;
    this.overwrite = overwrite;
    this.plugins = plugins;
    this.models = models;
    this.compute = compute;
  }

  /** Of a recipe that takes its adapter from the checkpointer. */
  static void requireNoAdapters(ModelSpec model) {
    if (model.adapter() != null) {
      throw new UsageException(
          "model %s has adapters; name the model without lora_, the adapter goes to checkpointer.adapter_checkpoint"
              .formatted(model.name()));
    }
  }

  @Override
  public Optional<String> missing() {
    return missing.map(m -> m + "; set data to its path");
  }

  @Override
  public void run(RunContext context) {
    // Setup
    Path file = outputDir.resolve("results.json");
    if (!overwrite && !context.dryRun() && Files.exists(file)) {
      throw new UsageException(
          "output_dir %s holds an earlier evaluation's results.json; replace it with --overwrite (overwrite=true), or choose another output_dir"
              .formatted(outputDir));
    }
    int rows = context.dryRun() ? 1 : limit;
    Evaluation evaluation = Evaluation.of(tasks, data, rows, includePath, plugins);
    checkpointer.check(model);
    try (Engine engine = compute.open(context.backends());
        TensorScope scope = engine.openScope();
        InferenceModel opened =
            InferenceModel.open(models, model, checkpointer, tokenizer, engine, compute.type())) {
      context.out().println(ComputeOptions.describe(engine, opened.base().precision()));
      Path adapter = checkpointer.adapterCheckpoint();
      Decoder decoder = opened.with(adapter);

      // Evaluate
      int longest = Math.min(maxSeqLength, decoder.config().maxSeqLen());
      Evaluation.Outcome outcome;
      try {
        outcome =
            evaluation.run(
                String.valueOf(adapter == null ? checkpointer.checkpointDir() : adapter),
                new LogLikelihoods(
                    engine, scope, decoder, opened.tokenizer(), longest, context.stopRequested()));
      } catch (CancellationException e) {
        context.out().println("stopped; nothing is written");
        return;
      }

      // Report
      outcome.print(context.out());
      if (!context.dryRun()) {
        Evaluation.write(file, List.of(outcome));
        context.out().println("wrote " + file);
      }
    }
  }
}

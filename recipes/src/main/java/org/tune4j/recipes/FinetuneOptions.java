package org.tune4j.recipes;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.adapters.Merge;
import org.tune4j.checkpoint.Labels;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.checkpointing.MergedModel;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.component.Requirements;
import org.tune4j.data.DatasetSpec;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelSpec;
import org.tune4j.nn.Objective;
import org.tune4j.optim.LrSchedule;
import org.tune4j.optim.Optimizer;
import org.tune4j.ranks.ModelOnRanks;
import org.tune4j.ranks.ReplicatedModel;
import org.tune4j.ranks.ShardedModel;
import org.tune4j.runs.EvaluationOptions;
import org.tune4j.runs.LoggingOptions;
import org.tune4j.runs.SampleOptions;
import org.tune4j.runs.SavedRun;
import org.tune4j.runs.SavingOptions;
import org.tune4j.runs.ValidationOptions;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.ComputeOptions;
import org.tune4j.training.TrainingData;
import org.tune4j.training.TrainingOptions;

/**
 * Keys of every recipe that fine-tunes a decoder.
 *
 * @param outputDir where results are written
 * @param tokenizer turns text into token ids
 * @param model the architecture and its adapters
 * @param checkpointer where weights come from and how results are saved
 * @param dataset the rows to train on
 * @param optimizer how parameters are updated
 * @param lrScheduler learning rate schedule; null for a constant rate
 * @param loss what is minimised
 * @param training how rows are taken and updates made; {@code batch_size} is each rank's
 * @param compute what computes, where, and in which type
 * @param saving what is kept while it runs
 * @param validation rows it is tested on, and when it stops for them
 * @param evaluation tasks it is scored by
 * @param sampling questions it answers before and after
 * @param logging what is told of its steps, and to whom
 */
public record FinetuneOptions(
    @Doc("where results are written") Path outputDir,
    @Doc("converts text to token ids; none is needed where all rows are of tokenized_dataset")
        @Default("no_tokenizer")
        TokenizerSpec tokenizer,
    @Doc("the architecture, and its adapters where these are trained") ModelSpec model,
    @Doc("where weights come from and how results are saved") HuggingFaceCheckpointer checkpointer,
    @Doc("the training rows") DatasetSpec dataset,
    @Doc("the optimiser") Optimizer.Spec optimizer,
    @Doc("learning rate schedule; null for a constant rate") @Nullable LrSchedule lrScheduler,
    @Doc("the loss") Objective loss,
    @Inline TrainingOptions training,
    @Inline ComputeOptions compute,
    @Inline SavingOptions saving,
    @Inline ValidationOptions validation,
    @Inline EvaluationOptions evaluation,
    @Inline SampleOptions sampling,
    @Inline LoggingOptions logging) {
  /**
   * Checks that there is a tokenizer where something needs one.
   *
   * @throws org.tune4j.UsageException naming what does
   */
  public FinetuneOptions {
    checkpointer = checkpointer.withTokenizer(tokenizer);
    if (tokenizer.isNone()) {
      DatasetSpec val = validation.datasetVal();
      new Requirements()
          .that(!dataset.needsTokenizer(), without("dataset"))
          .that(val == null || !val.needsTokenizer(), without("dataset_val"))
          .that(evaluation.evalTasks().isEmpty(), without("eval_tasks"))
          .that(sampling.samplePrompts().isEmpty(), without("sample_prompts"))
          .check();
    }
  }

  /**
   * The same of a classifier.
   *
   * @param labels that it gives scores of
   * @throws UsageException when the run asks for text, or validation rows have other labels
   */
  FinetuneOptions scoring(List<String> labels) {
    DatasetSpec val = validation.datasetVal();
    new Requirements()
        .that(
            sampling.samplePrompts().isEmpty(),
            "sample_prompts asks for answers, and a classifier gives none; leave it out")
        .that(
            val == null || val.labels().equals(dataset.labels()),
            "dataset_val has other labels than dataset, whose labels are %s"
                .formatted(dataset.labels()))
        .check();
    return new FinetuneOptions(
        outputDir,
        tokenizer,
        model,
        checkpointer.withLabels(labels, training.seedOrZero()),
        dataset,
        optimizer,
        lrScheduler,
        loss,
        training,
        compute,
        saving,
        validation,
        evaluation,
        sampling,
        logging);
  }

  /**
   * Checks that the checkpoint is of the model, and that the model has the head that the objective
   * takes.
   */
  void check(Objective objective) {
    checkpointer.check(model);
    boolean labelled = labels().isPresent();
    new Requirements()
        .that(
            labelled || !objective.scoresRows(),
            "loss takes scores, for which the model needs a head of labels; use a recipe such as lora_reward_single_device or lora_classification_single_device")
        .that(
            !labelled || objective.scoresRows(),
            "%s holds a classifier, and loss takes logits of tokens; train it with lora_reward_single_device or lora_classification_single_device, or name the model that it was made from"
                .formatted(checkpointer.checkpointDir()))
        .that(
            dataset.labels().isEmpty() || objective.rating() == Objective.Rating.CLASSES,
            "dataset has texts with labels, which loss does not learn; use class_cross_entropy, with lora_classification_single_device")
        .check();
  }

  private Optional<Labels> labels() {
    return Labels.of(checkpointer.config().json());
  }

  /** The rows, which must be what the objective takes. */
  TrainingData read(ProcessGroup ranks, Objective objective) {
    TrainingData data =
        TrainingData.read(
            ranks, tokenizer, checkpointer.checkpointDir(), dataset, validation.datasetVal());
    data.requireFit(objective);
    return labels().map(labels -> data.scored(labels, objective)).orElse(data);
  }

  /** The model as the run goes on from: a checkpoint's adapter or weights, or the first ones. */
  ModelOnRanks load(
      Optional<SavedRun> saved,
      ProcessGroup ranks,
      TensorScope run,
      Precision precision,
      boolean sharded,
      boolean checkpointLayers) {
    boolean adapted = model.adapter() != null;
    HuggingFaceCheckpointer from =
        saved
            .filter(s -> adapted)
            .map(s -> checkpointer.withAdapter(s.folder()))
            .orElse(checkpointer);
    Path weights =
        saved.filter(s -> !adapted).map(SavedRun::folder).orElse(checkpointer.checkpointDir());
    long seed = training.seedOrZero();
    double balance = training.routerAuxLossCoef();
    if (sharded) {
      ShardedModel shards = ShardedModel.load(from, model, weights, ranks, run, precision, seed);
      shards.decoder().setLoadBalance(balance);
      return shards;
    }
    Decoder decoder =
        adapted
            ? from.load(model, ranks, precision, compute.mmap(), seed)
            : from.loadTrainable(model, weights, ranks.engine(), precision.compute());
    decoder.setLoadBalance(balance);
    decoder.setCheckpointLayers(checkpointLayers || compute.enableActivationCheckpointing());
    return new ReplicatedModel(ranks, decoder, precision.stored());
  }

  /** Checks that adapters can be merged into the checkpoint's weights, where there are some. */
  void requireMergeable(Decoder decoder) {
    Merge.requirePossible(decoder);
    if (decoder.adapter().isPresent()) {
      MergedModel.requireOriginal(
          checkpointer.folder(),
          "set save_adapter_weights_only=true, and merge into the original weights with tune merge");
    }
  }

  private static String without(String key) {
    return "%s holds text and there is no tokenizer; add a section tokenizer, such as {_component_: hf_tokenizer}"
        .formatted(key);
  }
}

package org.tune4j.recipes;

import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.nn.Objective;

/** {@link Finetune} to preferences, under the names and keys that configs know. */
public final class PreferenceRecipes {
  private PreferenceRecipes() {}

  /**
   * {@return training of adapters to preferences on one device, of which nothing is opened or read
   * yet}
   *
   * @param keys of every recipe that fine-tunes
   * @param saveAdapterWeightsOnly whether to leave the merged model out
   * @param precomputeReference whether the log-probabilities of the model without adapters are
   *     computed once and kept with the tokenised rows, else in every step
   * @throws UsageException when the model has no adapters, or the loss is none of preferences
   */
  @Component("lora_dpo_single_device")
  public static Finetune loraSingleDevice(
      @Inline FinetuneOptions keys,
      @Doc("do not write the merged model") @Default("false") boolean saveAdapterWeightsOnly,
      @Doc("compute the reference's log-probabilities once, and keep them with the tokenised rows")
          @Default("false")
          boolean precomputeReference) {
    return lora(keys, saveAdapterWeightsOnly, precomputeReference, null);
  }

  /**
   * {@return training of adapters to preferences on several ranks, of which nothing is opened or
   * read yet}
   *
   * @param keys of every recipe that fine-tunes
   * @param saveAdapterWeightsOnly whether to leave the merged model out
   * @param precomputeReference as on one device
   * @param strategy {@code ddp}, {@code fsdp} to shard weights too, or {@code auto} to shard them
   *     where memory needs it
   * @throws UsageException when the model has no adapters, the loss is none of preferences, or
   *     {@code strategy} is another word
   */
  @Component("lora_dpo_distributed")
  public static Finetune loraDistributed(
      @Inline FinetuneOptions keys,
      @Doc("do not write the merged model") @Default("false") boolean saveAdapterWeightsOnly,
      @Doc("compute the reference's log-probabilities once, and keep them with the tokenised rows")
          @Default("false")
          boolean precomputeReference,
      @Doc("ddp, fsdp to shard weights too, or auto to choose by memory") @Default("auto")
          String strategy) {
    return lora(keys, saveAdapterWeightsOnly, precomputeReference, Strategy.parse(strategy));
  }

  /**
   * {@return training of all weights to preferences on several ranks, of which nothing is opened or
   * read yet}
   *
   * @param keys of every recipe that fine-tunes
   * @param refCheckpointer gives the frozen copy that the model is compared with; null for what it
   *     begins with
   * @param precomputeReference whether that copy's log-probabilities are computed once and kept
   *     with the tokenised rows, so that it need not lie in memory
   * @param strategy {@code fsdp} to shard weights and all that belongs to them, {@code ddp}, or
   *     {@code auto} to shard them where memory needs it
   * @throws UsageException when model or checkpointer has an adapter, the loss is none of
   *     preferences, or {@code strategy} is another word
   */
  @Component("full_dpo_distributed")
  public static Finetune fullDistributed(
      @Inline FinetuneOptions keys,
      @Doc("weights of the model to compare with; null for checkpointer's")
          @Nullable HuggingFaceCheckpointer refCheckpointer,
      @Doc("compute the reference's log-probabilities once, and keep them with the tokenised rows")
          @Default("false")
          boolean precomputeReference,
      @Doc("fsdp to shard weights, gradients and optimiser state, ddp, or auto to choose by memory")
          @Default("fsdp")
          String strategy) {
    FinetuneRecipes.requireNoAdapters(keys, "lora_dpo_distributed");
    if (precomputeReference && keys.loss().rating() == Objective.Rating.EACH) {
      throw new UsageException(
          "precompute_reference=true: the loss also compares answers with other rows' prompts, for which the frozen copy is needed in every step; set it to false");
    }
    Comparison comparison = Comparison.withStart(keys, refCheckpointer, precomputeReference);
    return of(
        keys, false, Strategy.parse(strategy), keys.loss().needsReference() ? comparison : null);
  }

  private static Finetune lora(
      FinetuneOptions keys,
      boolean saveAdapterWeightsOnly,
      boolean precomputeReference,
      @Nullable Strategy strategy) {
    FinetuneRecipes.requireAdapters(keys);
    return of(
        keys,
        saveAdapterWeightsOnly,
        strategy,
        precomputeReference && keys.loss().needsReference()
            ? Comparison.withStart(keys, null, true)
            : null);
  }

  private static Finetune of(
      FinetuneOptions keys,
      boolean saveAdapterWeightsOnly,
      @Nullable Strategy strategy,
      @Nullable Comparison comparison) {
    if (keys.loss().rating() == Objective.Rating.NONE) {
      throw new UsageException(
          "loss is none of preferences; expected dpo_loss, ipo_loss, hinge_loss, kto_loss, orpo_loss or simpo_loss");
    }
    Objective objective = comparison == null ? keys.loss() : comparison.objective(keys.loss());
    return new Finetune(keys, objective, saveAdapterWeightsOnly, false, strategy, comparison);
  }
}

package org.tune4j.recipes;

import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;

/** {@link Finetune} under the names and keys that configs know: two tasks, alone or on ranks. */
public final class FinetuneRecipes {
  private FinetuneRecipes() {}

  /**
   * {@return LoRA fine-tuning on one device, of which nothing is opened or read yet}
   *
   * @param keys of every recipe that fine-tunes
   * @param saveAdapterWeightsOnly whether to leave the merged model out
   * @throws UsageException when the model has no adapters
   */
  @Component("lora_finetune_single_device")
  public static Finetune loraSingleDevice(
      @Inline FinetuneOptions keys,
      @Doc("do not write the merged model") @Default("false") boolean saveAdapterWeightsOnly) {
    requireAdapters(keys);
    return new Finetune(keys, saveAdapterWeightsOnly, false, null);
  }

  /**
   * {@return LoRA fine-tuning on several ranks, of which nothing is opened or read yet}
   *
   * @param keys of every recipe that fine-tunes
   * @param saveAdapterWeightsOnly whether to leave the merged model out
   * @param strategy {@code ddp}, {@code fsdp} to shard weights too, or {@code auto} to shard them
   *     where memory needs it
   * @throws UsageException when the model has no adapters, or {@code strategy} is another word
   */
  @Component("lora_finetune_distributed")
  public static Finetune loraDistributed(
      @Inline FinetuneOptions keys,
      @Doc("do not write the merged model") @Default("false") boolean saveAdapterWeightsOnly,
      @Doc("ddp, fsdp to shard weights too, or auto to choose by memory") @Default("auto")
          String strategy) {
    requireAdapters(keys);
    return new Finetune(keys, saveAdapterWeightsOnly, false, Strategy.parse(strategy));
  }

  /**
   * {@return fine-tuning of all weights on one device, of which nothing is opened or read yet}
   *
   * @param keys of every recipe that fine-tunes
   * @param optimizerInBwd whether to update each layer during backward, so that one layer's
   *     gradients exist at once; takes one micro-batch and no clipping, and checkpoints activations
   * @throws UsageException when model or checkpointer has an adapter, or other keys do not go with
   *     {@code optimizerInBwd}
   */
  @Component("full_finetune_single_device")
  public static Finetune fullSingleDevice(
      @Inline FinetuneOptions keys,
      @Doc(
              "update each layer during backward, with activation checkpointing, so that only one layer's gradients exist at a time")
          @Default("false")
          boolean optimizerInBwd) {
    requireNoAdapters(keys, "lora_finetune_single_device");
    requireNoReference(keys);
    requireOneWholeBackward(keys, optimizerInBwd);
    return new Finetune(keys, false, optimizerInBwd, null);
  }

  /**
   * {@return fine-tuning of all weights on several ranks, of which nothing is opened or read yet}
   *
   * @param keys of every recipe that fine-tunes
   * @param optimizerInBwd as on one device; not of sharded weights
   * @param strategy {@code fsdp} to shard weights and all that belongs to them, {@code ddp}, or
   *     {@code auto} to shard them where memory needs it
   * @throws UsageException when model or checkpointer has an adapter, {@code strategy} is another
   *     word, or other keys do not go with {@code optimizerInBwd}
   */
  @Component("full_finetune_distributed")
  public static Finetune fullDistributed(
      @Inline FinetuneOptions keys,
      @Doc(
              "update each layer during backward, with activation checkpointing, so that only one layer's gradients exist at a time")
          @Default("false")
          boolean optimizerInBwd,
      @Doc("fsdp to shard weights, gradients and optimiser state, ddp, or auto to choose by memory")
          @Default("fsdp")
          String strategy) {
    requireNoAdapters(keys, "lora_finetune_distributed");
    requireNoReference(keys);
    requireOneWholeBackward(keys, optimizerInBwd);
    Strategy parsed = Strategy.parse(strategy);
    if (optimizerInBwd && parsed != Strategy.DDP) {
      throw new UsageException(
          "optimizer_in_bwd=true needs strategy=ddp, strategy is %s; with sharded weights each rank has the gradients of its shards alone"
              .formatted(strategy));
    }
    return new Finetune(keys, false, optimizerInBwd, parsed);
  }

  static void requireAdapters(FinetuneOptions keys) {
    AdapterConfig adapter = keys.model().adapter();
    if (adapter == null) {
      throw new UsageException(
          "model %s has no adapters; name a builder with adapters, such as lora_auto"
              .formatted(keys.model().name()));
    }
    adapter.requireStart(keys.checkpointer().adapterCheckpoint());
  }

  /** Of a recipe that trains all weights, beside one that trains adapters. */
  static void requireNoAdapters(FinetuneOptions keys, String adapterRecipe) {
    if (keys.model().adapter() != null) {
      throw new UsageException(
          "model %s has adapters; train it with %s, or name the plain builder"
              .formatted(keys.model().name(), adapterRecipe));
    }
    if (keys.checkpointer().adapterCheckpoint() != null) {
      throw new UsageException(
          "checkpointer.adapter_checkpoint is %s, but all weights are trained; merge the adapter first or leave it out"
              .formatted(keys.checkpointer().adapterCheckpoint()));
    }
  }

  private static void requireNoReference(FinetuneOptions keys) {
    if (keys.loss().needsReference()) {
      throw new UsageException(
          "loss compares the model with what it was, of which full_finetune keeps no copy; use full_dpo_distributed, or lora_dpo_single_device");
    }
  }

  private static void requireOneWholeBackward(FinetuneOptions keys, boolean optimizerInBwd) {
    if (!optimizerInBwd) {
      return;
    }
    if (keys.training().gradientAccumulationSteps() != 1
        || keys.training().clipGradNorm() != null) {
      throw new UsageException(
          "optimizer_in_bwd=true updates before all gradients are known; set"
              + " gradient_accumulation_steps=1 and clip_grad_norm=null");
    }
  }
}

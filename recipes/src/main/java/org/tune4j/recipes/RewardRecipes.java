package org.tune4j.recipes;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.Labels;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.nn.Objective;

/** {@link Finetune} of a reward model to pairs of answers, under the names that configs know. */
public final class RewardRecipes {
  private RewardRecipes() {}

  /**
   * {@return training of adapters and head on one device, of which nothing is opened or read yet}
   *
   * @param keys of every recipe that fine-tunes
   * @param saveAdapterWeightsOnly whether to leave the merged model out
   * @throws UsageException when the model has no adapters, or the loss is another task's
   */
  @Component("lora_reward_single_device")
  public static Finetune loraSingleDevice(
      @Inline FinetuneOptions keys,
      @Doc("do not write the merged model") @Default("false") boolean saveAdapterWeightsOnly) {
    FinetuneRecipes.requireAdapters(keys);
    return of(keys, saveAdapterWeightsOnly, null);
  }

  /**
   * {@return training of adapters and head on several ranks, of which nothing is opened or read
   * yet}
   *
   * @param keys of every recipe that fine-tunes
   * @param saveAdapterWeightsOnly whether to leave the merged model out
   * @param strategy {@code ddp}, {@code fsdp} to shard weights too, or {@code auto} to shard them
   *     where memory needs it
   * @throws UsageException when the model has no adapters, the loss is another task's, or {@code
   *     strategy} is another word
   */
  @Component("lora_reward_distributed")
  public static Finetune loraDistributed(
      @Inline FinetuneOptions keys,
      @Doc("do not write the merged model") @Default("false") boolean saveAdapterWeightsOnly,
      @Doc("ddp, fsdp to shard weights too, or auto to choose by memory") @Default("auto")
          String strategy) {
    FinetuneRecipes.requireAdapters(keys);
    return of(keys, saveAdapterWeightsOnly, Strategy.parse(strategy));
  }

  /**
   * {@return training of all weights on one device, of which nothing is opened or read yet}
   *
   * @param keys of every recipe that fine-tunes
   * @throws UsageException when model or checkpointer has an adapter, or the loss is another task's
   */
  @Component("full_reward_single_device")
  public static Finetune fullSingleDevice(@Inline FinetuneOptions keys) {
    FinetuneRecipes.requireNoAdapters(keys, "lora_reward_single_device");
    return of(keys, false, null);
  }

  /**
   * {@return training of all weights on several ranks, of which nothing is opened or read yet}
   *
   * @param keys of every recipe that fine-tunes
   * @param strategy {@code fsdp} to shard weights and all that belongs to them, {@code ddp}, or
   *     {@code auto} to shard them where memory needs it
   * @throws UsageException when model or checkpointer has an adapter, the loss is another task's,
   *     or {@code strategy} is another word
   */
  @Component("full_reward_distributed")
  public static Finetune fullDistributed(
      @Inline FinetuneOptions keys,
      @Doc("fsdp to shard weights, gradients and optimiser state, ddp, or auto to choose by memory")
          @Default("fsdp")
          String strategy) {
    FinetuneRecipes.requireNoAdapters(keys, "lora_reward_distributed");
    return of(keys, false, Strategy.parse(strategy));
  }

  private static Finetune of(
      FinetuneOptions keys, boolean saveAdapterWeightsOnly, @Nullable Strategy strategy) {
    Objective loss = keys.loss();
    if (!loss.scoresRows() || loss.rating() == Objective.Rating.CLASSES) {
      throw new UsageException("loss is none of reward models; expected bradley_terry_loss");
    }
    List<String> labels = Labels.numbered(1);
    return new Finetune(keys.scoring(labels), saveAdapterWeightsOnly, false, strategy);
  }
}

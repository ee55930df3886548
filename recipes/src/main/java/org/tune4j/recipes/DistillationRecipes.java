package org.tune4j.recipes;

import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.loss.Distillation;
import org.tune4j.loss.DistillationLoss;
import org.tune4j.models.ModelSpec;
import org.tune4j.nn.Loss;

/** {@link Finetune} of a student to a teacher, under the names and keys that configs know. */
public final class DistillationRecipes {
  private DistillationRecipes() {}

  /**
   * {@return distillation on one device, of which nothing is opened or read yet}
   *
   * @param keys of every recipe that fine-tunes; {@code loss} is that of the labels
   * @param teacherModel the teacher's architecture; adapters, which would begin at zero, are left
   *     out
   * @param teacherCheckpointer gives its weights
   * @param kdLoss how far the student is from the teacher
   * @param kdRatio the share of {@code kdLoss}, the rest is {@code loss}
   * @param saveAdapterWeightsOnly whether to leave the merged model out
   * @throws UsageException when the teacher has a saved adapter, the student has none, {@code loss}
   *     is another objective, or {@code kdRatio} is out of its range
   */
  @Component("knowledge_distillation_single_device")
  public static Finetune singleDevice(
      @Inline FinetuneOptions keys,
      @Doc("the teacher's architecture; adapters, which would begin at zero, are left out")
          ModelSpec teacherModel,
      @Doc("where the teacher's weights come from") HuggingFaceCheckpointer teacherCheckpointer,
      @Doc("how far the student is from the teacher") DistillationLoss kdLoss,
      @Doc("the share of kd_loss, the rest is loss") @Default("0.5") double kdRatio,
      @Doc("do not write the merged model") @Default("false") boolean saveAdapterWeightsOnly) {
    return of(
        keys, teacherModel, teacherCheckpointer, kdLoss, kdRatio, saveAdapterWeightsOnly, null);
  }

  /**
   * {@return distillation on several ranks, of which nothing is opened or read yet}
   *
   * @param keys of every recipe that fine-tunes; {@code loss} is that of the labels
   * @param teacherModel the teacher's architecture; adapters, which would begin at zero, are left
   *     out
   * @param teacherCheckpointer gives its weights, whole on every rank
   * @param kdLoss how far the student is from the teacher
   * @param kdRatio the share of {@code kdLoss}, the rest is {@code loss}
   * @param saveAdapterWeightsOnly whether to leave the merged model out
   * @param strategy {@code ddp}, {@code fsdp} to shard the student's weights too, or {@code auto}
   *     to shard them where memory needs it
   * @throws UsageException as on one device, or when {@code strategy} is another word
   */
  @Component("knowledge_distillation_distributed")
  public static Finetune distributed(
      @Inline FinetuneOptions keys,
      @Doc("the teacher's architecture; adapters, which would begin at zero, are left out")
          ModelSpec teacherModel,
      @Doc("where the teacher's weights come from") HuggingFaceCheckpointer teacherCheckpointer,
      @Doc("how far the student is from the teacher") DistillationLoss kdLoss,
      @Doc("the share of kd_loss, the rest is loss") @Default("0.5") double kdRatio,
      @Doc("do not write the merged model") @Default("false") boolean saveAdapterWeightsOnly,
      @Doc("ddp, fsdp to shard the student's weights too, or auto to choose by memory")
          @Default("auto")
          String strategy) {
    return of(
        keys,
        teacherModel,
        teacherCheckpointer,
        kdLoss,
        kdRatio,
        saveAdapterWeightsOnly,
        Strategy.parse(strategy));
  }

  private static Finetune of(
      FinetuneOptions keys,
      ModelSpec teacherModel,
      HuggingFaceCheckpointer teacherCheckpointer,
      DistillationLoss kdLoss,
      double kdRatio,
      boolean saveAdapterWeightsOnly,
      @Nullable Strategy strategy) {
    FinetuneRecipes.requireAdapters(keys);
    if (teacherCheckpointer.adapterCheckpoint() != null) {
      throw new UsageException(
          "teacher_checkpointer.adapter_checkpoint is %s, but a teacher has no adapters; merge it first"
              .formatted(teacherCheckpointer.adapterCheckpoint()));
    }
    if (!(keys.loss() instanceof Loss loss)) {
      throw new UsageException(
          "loss is no sum over labels, which kd_loss is mixed with; expected chunked_cross_entropy");
    }
    if (kdRatio < 0 || kdRatio > 1) {
      throw new UsageException("kd_ratio is %s, expected 0 to 1".formatted(kdRatio));
    }
    Comparison teacher = new Comparison(teacherModel.withAdapter(null), teacherCheckpointer, false);
    Distillation objective = new Distillation(loss, kdLoss, kdRatio);
    return new Finetune(keys, objective, saveAdapterWeightsOnly, false, strategy, teacher);
  }
}

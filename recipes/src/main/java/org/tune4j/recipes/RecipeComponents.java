package org.tune4j.recipes;

import java.util.List;
import java.util.stream.Stream;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.component.ComponentProvider;
import org.tune4j.data.AlpacaDataset;
import org.tune4j.data.ChatDataset;
import org.tune4j.data.ClassificationDataset;
import org.tune4j.data.ConcatDataset;
import org.tune4j.data.InputOutputToMessages;
import org.tune4j.data.InstructDataset;
import org.tune4j.data.KtoDataset;
import org.tune4j.data.PreferenceDataset;
import org.tune4j.data.PromptDataset;
import org.tune4j.data.SftDataset;
import org.tune4j.data.TextCompletionDataset;
import org.tune4j.data.TokenizedDataset;
import org.tune4j.loss.BradleyTerryLoss;
import org.tune4j.loss.ChunkedCrossEntropy;
import org.tune4j.loss.ClassCrossEntropy;
import org.tune4j.loss.DpoLoss;
import org.tune4j.loss.ForwardKlLoss;
import org.tune4j.loss.GrpoLoss;
import org.tune4j.loss.HingeLoss;
import org.tune4j.loss.IpoLoss;
import org.tune4j.loss.JensenShannonLoss;
import org.tune4j.loss.KtoLoss;
import org.tune4j.loss.OrpoLoss;
import org.tune4j.loss.ReverseKlLoss;
import org.tune4j.loss.SimpoLoss;
import org.tune4j.loss.SymmetricKlLoss;
import org.tune4j.metrics.DiskLogger;
import org.tune4j.metrics.MlflowLogger;
import org.tune4j.metrics.StdoutLogger;
import org.tune4j.metrics.TensorBoardLogger;
import org.tune4j.metrics.WandbLogger;
import org.tune4j.optim.Adafactor;
import org.tune4j.optim.AdamW;
import org.tune4j.optim.AdamW8bit;
import org.tune4j.optim.Constant;
import org.tune4j.optim.Cosine;
import org.tune4j.optim.CosineWithRestarts;
import org.tune4j.optim.InverseSqrt;
import org.tune4j.optim.Linear;
import org.tune4j.optim.Lion;
import org.tune4j.optim.Rex;
import org.tune4j.optim.ScheduleFreeAdamW;
import org.tune4j.optim.Sgd;
import org.tune4j.rewards.FinalAnswerReward;
import org.tune4j.rewards.HttpReward;
import org.tune4j.rewards.RegexReward;
import org.tune4j.tokenizers.PromptTemplate;
import org.tune4j.tokenizers.TokenizerSpec;

/** The recipes, and what their configs can name besides models. */
public final class RecipeComponents implements ComponentProvider {
  @Override
  public List<Class<?>> components() {
    return Stream.of(recipes(), losses(), updates()).<Class<?>>flatMap(List::stream).toList();
  }

  /** Recipes, and what they read. */
  private static List<Class<?>> recipes() {
    return List.of(
        FinetuneRecipes.class,
        PreferenceRecipes.class,
        RewardRecipes.class,
        ClassificationRecipes.class,
        DistillationRecipes.class,
        Grpo.class,
        EleutherEval.class,
        Generate.class,
        HuggingFaceCheckpointer.class,
        TokenizerSpec.class,
        PromptTemplate.class,
        AlpacaDataset.class,
        InstructDataset.class,
        ChatDataset.class,
        TextCompletionDataset.class,
        TokenizedDataset.class,
        ConcatDataset.class,
        SftDataset.class,
        PreferenceDataset.class,
        KtoDataset.class,
        ClassificationDataset.class,
        PromptDataset.class,
        InputOutputToMessages.class);
  }

  /** What is minimised, and what rewards answers. */
  private static List<Class<?>> losses() {
    return List.of(
        ChunkedCrossEntropy.class,
        DpoLoss.class,
        IpoLoss.class,
        HingeLoss.class,
        KtoLoss.class,
        OrpoLoss.class,
        SimpoLoss.class,
        BradleyTerryLoss.class,
        ClassCrossEntropy.class,
        GrpoLoss.class,
        ForwardKlLoss.class,
        ReverseKlLoss.class,
        SymmetricKlLoss.class,
        JensenShannonLoss.class,
        FinalAnswerReward.class,
        RegexReward.class,
        HttpReward.class);
  }

  /** Optimisers, schedules and loggers. */
  private static List<Class<?>> updates() {
    return List.of(
        AdamW.class,
        AdamW8bit.class,
        Lion.class,
        Adafactor.class,
        Sgd.class,
        ScheduleFreeAdamW.class,
        Constant.class,
        Linear.class,
        Cosine.class,
        CosineWithRestarts.class,
        InverseSqrt.class,
        Rex.class,
        DiskLogger.class,
        StdoutLogger.class,
        TensorBoardLogger.class,
        MlflowLogger.class,
        WandbLogger.class);
  }
}

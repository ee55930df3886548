package org.tune4j.training;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.checkpoint.Labels;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Dataset;
import org.tune4j.data.DatasetSpec;
import org.tune4j.data.Prompts;
import org.tune4j.nn.Objective;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;

/**
 * The rows of a run, tokenised.
 *
 * @param train at least one token of which is trained on
 * @param validation empty where there are none
 */
public record TrainingData(Dataset train, Dataset validation) {
  /**
   * Reads and checks all rows.
   *
   * @param tokenizer opened for this; its {@code maxSeqLen} cuts rows and packs
   * @param modelFolder where the tokenizer's files lie unless it names them
   * @param train the rows to train on
   * @param validation those that are only tested on; null for none
   * @return rows that are read when asked for
   * @throws InputException when a row cannot be used, or no token of all rows is trained on
   */
  public static TrainingData read(
      TokenizerSpec tokenizer,
      Path modelFolder,
      DatasetSpec train,
      @Nullable DatasetSpec validation) {
    Integer limit = tokenizer.maxSeqLen();
    int maxSeqLen = limit == null ? Integer.MAX_VALUE : limit;
    try (Tokenizer tokens = tokenizer.open(modelFolder)) {
      Dataset rows = train.open(tokens, maxSeqLen);
      if (rows.report().labelTokens() == 0 && !(rows instanceof Prompts)) {
        throw new InputException(
            "dataset: no token of its %d rows is trained on; raise tokenizer.max_seq_len or give other rows"
                .formatted(rows.report().rows()));
      }
      return new TrainingData(
          rows, validation == null ? Dataset.of(List.of()) : validation.open(tokens, maxSeqLen));
    }
  }

  /**
   * Checks that an objective can take these rows.
   *
   * @param objective that may take several rows together, or rated ones
   * @throws InputException when the rows are no multiple of so many, rows of several are laid end
   *     to end, they are not rated as the objective needs it, or they have no answers
   */
  public void requireFit(Objective objective) {
    requireFit("dataset", train, objective);
    requireFit("dataset_val", validation, objective);
  }

  /**
   * {@return the same as a classifier is trained on them: each row has one label, at its last token
   * that is no padding}
   *
   * @param labels of the classifier
   * @param objective that takes these rows
   */
  public TrainingData scored(Labels labels, Objective objective) {
    boolean classes = objective.rating() == Objective.Rating.CLASSES;
    return new TrainingData(
        new ScoredRows(train, labels, classes), new ScoredRows(validation, labels, classes));
  }

  private static void requireFit(String key, Dataset rows, Objective objective) {
    int together = objective.rowsTogether();
    if (rows instanceof Prompts) {
      throw new InputException(
          "%s: its rows are prompts without answers; train on them with lora_grpo_single_device, or give rows with answers"
              .formatted(key));
    }
    if (!isRated(rows, objective.rating())) {
      throw new InputException(
          switch (objective.rating()) {
            case PAIRS ->
                "%s: its rows are no pairs of a chosen and a rejected answer, which the loss compares; use preference_dataset"
                    .formatted(key);
            case SAMPLED ->
                "%s: its rows have answers, and the loss is of answers that are sampled; use lora_grpo_single_device with prompt_dataset"
                    .formatted(key);
            case EACH ->
                "%s: its rows do not say which answers are desirable, which the loss needs; use kto_dataset or preference_dataset"
                    .formatted(key);
            case CLASSES ->
                "%s: its rows have no labels, which the loss learns; use classification_dataset"
                    .formatted(key);
            default ->
                "%s: its answers are rated, and the loss would learn the rejected ones too; use a loss such as dpo_loss or kto_loss"
                    .formatted(key);
          });
    }
    if (rows.size() % together != 0) {
      throw new InputException(
          "%s: there are %d rows, the loss takes %d together; give a multiple of %d rows"
              .formatted(key, rows.size(), together, together));
    }
    if (together > 1
        && IntStream.range(0, rows.size()).anyMatch(i -> rows.get(i).rowEnds().length > 1)) {
      throw new InputException(
          "%s: the loss takes %d rows together, which packs would divide; set %s.packed=false"
              .formatted(key, together, key));
    }
  }

  private static boolean isRated(Dataset rows, Objective.Rating wanted) {
    return wanted == Objective.Rating.ANY
        || IntStream.range(0, rows.size())
            .allMatch(
                i -> {
                  double[] ratings = rows.get(i).facts().ratings();
                  return switch (wanted) {
                    case PAIRS ->
                        ratings.length == 1 && (i % 2 == 0 ? ratings[0] >= 1 : ratings[0] == 0);
                    case EACH, CLASSES -> ratings.length == 1;
                    case SAMPLED -> false;
                    default -> ratings.length == 0;
                  };
                });
  }

  /**
   * The same on several ranks: rank 0 reads and caches the rows, then the others read its cache.
   *
   * @param ranks all of which read
   * @param tokenizer opened for this; its {@code maxSeqLen} cuts rows and packs
   * @param modelFolder where the tokenizer's files lie unless it names them
   * @param train the rows to train on
   * @param validation those that are only tested on; null for none
   * @return rows that are read when asked for
   * @throws InputException when a row cannot be used, or no token of all rows is trained on
   */
  public static TrainingData read(
      ProcessGroup ranks,
      TokenizerSpec tokenizer,
      Path modelFolder,
      DatasetSpec train,
      @Nullable DatasetSpec validation) {
    if (ranks.rank() != 0) {
      ranks.barrier();
    }
    TrainingData data = read(tokenizer, modelFolder, train, validation);
    if (ranks.rank() == 0) {
      ranks.barrier();
    }
    return data;
  }

  /** {@return another text for any other token or label} */
  public String fingerprint() {
    return train.fingerprint() + (validation.size() == 0 ? "" : " " + validation.fingerprint());
  }
}

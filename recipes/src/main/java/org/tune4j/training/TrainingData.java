package org.tune4j.training;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Dataset;
import org.tune4j.data.DatasetSpec;
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
      if (rows.report().labelTokens() == 0) {
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
   * @param objective that may take several rows together
   * @throws InputException when the rows are no multiple of so many, or rows of several are laid
   *     end to end
   */
  public void requireFit(Objective objective) {
    int together = objective.rowsTogether();
    if (together > 1) {
      requireFit("dataset", train, together);
      requireFit("dataset_val", validation, together);
    }
  }

  private static void requireFit(String key, Dataset rows, int together) {
    if (rows.size() % together != 0) {
      throw new InputException(
          "%s: there are %d rows, the loss takes %d together; give a multiple of %d rows"
              .formatted(key, rows.size(), together, together));
    }
    if (IntStream.range(0, rows.size()).anyMatch(i -> rows.get(i).rowEnds().length > 1)) {
      throw new InputException(
          "%s: the loss takes %d rows together, which packs would divide; set %s.packed=false"
              .formatted(key, together, key));
    }
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

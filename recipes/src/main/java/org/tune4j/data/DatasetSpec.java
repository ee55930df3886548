package org.tune4j.data;

import java.util.List;
import org.tune4j.tokenizers.Tokenizer;

/** What a config's {@code dataset} section asks for. */
public interface DatasetSpec {
  /**
   * Reads, or finds in the cache, all rows as tokens.
   *
   * @param tokenizer of the model
   * @param maxSeqLen rows are truncated to this many tokens, and a pack has no more; {@link
   *     Integer#MAX_VALUE} for no limit
   * @param cache where tokenised rows are kept
   * @return what is trained on
   * @throws org.tune4j.InputException when a file or a row cannot be used; names file, line,
   *     column, row and what was expected
   * @throws org.tune4j.EnvironmentException when the cache cannot be written
   */
  Dataset open(Tokenizer tokenizer, int maxSeqLen, DataCache cache);

  /** {@return whether rows are text; false where they are token ids already} */
  default boolean needsTokenizer() {
    return true;
  }

  /**
   * {@return the labels of its rows by their numbers; none where rows are not of classes}
   *
   * @throws org.tune4j.UsageException when its parts have different ones
   */
  default List<String> labels() {
    return List.of();
  }

  /**
   * {@return the same with the user's cache}
   *
   * @param tokenizer of the model
   * @param maxSeqLen tokens of a row or pack at the most
   */
  default Dataset open(Tokenizer tokenizer, int maxSeqLen) {
    return open(tokenizer, maxSeqLen, DataCache.ofUser());
  }
}

package org.tune4j.data;

import org.tune4j.tokenizers.Tokenizer;

/** What a config's {@code dataset} section asks for. */
public interface DatasetSpec {
  /**
   * Reads, checks and tokenises the rows, or finds them in the cache.
   *
   * @param maxSeqLen rows are cut to this many tokens, and a pack has no more; {@link
   *     Integer#MAX_VALUE} for no limit
   * @throws org.tune4j.InputException when a file or a row cannot be used; names file, line,
   *     column, row and what was expected
   * @throws org.tune4j.EnvironmentException when the cache cannot be written
   */
  Dataset open(Tokenizer tokenizer, int maxSeqLen, DataCache cache);

  /** The same with the user's cache. */
  default Dataset open(Tokenizer tokenizer, int maxSeqLen) {
    return open(tokenizer, maxSeqLen, DataCache.ofUser());
  }
}

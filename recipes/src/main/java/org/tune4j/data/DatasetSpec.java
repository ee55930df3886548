package org.tune4j.data;

import java.util.List;
import org.tune4j.tokenizers.Tokenizer;

/** What a config's {@code dataset} section asks for. */
public interface DatasetSpec {
  /**
   * Reads, checks and tokenises the rows.
   *
   * @param maxSeqLen rows are cut to this many tokens
   * @throws org.tune4j.InputException when a file or a row cannot be used; names file, row and
   *     column
   */
  List<Example> open(Tokenizer tokenizer, int maxSeqLen);
}

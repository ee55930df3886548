package org.tune4j.tokenizers;

import java.util.List;

/**
 * Special tokens that a config adds to a tokenizer.
 *
 * @param ids of these tokens, ascending
 * @param vocabSize one more than the largest id of the tokenizer with them
 * @param tokenizerJson the tokenizer with them, as {@code tokenizer.json}
 */
public record NewTokens(List<Integer> ids, int vocabSize, String tokenizerJson) {
  /** Copies the list. */
  public NewTokens {
    ids = List.copyOf(ids);
  }
}

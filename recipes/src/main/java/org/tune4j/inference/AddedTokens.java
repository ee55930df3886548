package org.tune4j.inference;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.models.ModelRegistry;

/**
 * What adapters add to a model's vocabulary.
 *
 * @param tokens that the model has to have, as far as they say
 * @param tokenizer the folder of one that comes with them
 */
record AddedTokens(int tokens, Optional<Path> tokenizer) {
  static AddedTokens of(ModelRegistry registry, List<Path> adapters) {
    int tokens = 0;
    Path first = null;
    for (Path adapter : adapters) {
      SavedAdapter saved = registry.open(adapter);
      tokens = Math.max(tokens, saved.tokens());
      Path own = saved.tokenizer().orElse(first);
      if (first != null && own != null && !same(first, own)) {
        throw new UsageException(
            "the adapters in %s and %s have tokenizers that differ; use them apart, or choose one with --tokenizer"
                .formatted(first, own));
      }
      first = own;
    }
    return new AddedTokens(tokens, Optional.ofNullable(first));
  }

  private static boolean same(Path one, Path other) {
    try {
      return Files.mismatch(one.resolve("tokenizer.json"), other.resolve("tokenizer.json")) < 0;
    } catch (IOException e) {
      throw new InputException("cannot compare tokenizers: " + TuneException.reason(e), e);
    }
  }
}

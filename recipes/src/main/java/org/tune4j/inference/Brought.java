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
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.models.ModelRegistry;

/**
 * What adapters add to a model.
 *
 * @param tokens that the model has to have, as far as they say
 * @param tokenizer the folder of one that comes with them
 * @param labels of the head that each of them brings; empty for none
 */
record Brought(int tokens, Optional<Path> tokenizer, List<String> labels) {
  static Brought of(ModelRegistry registry, List<Path> adapters) {
    int tokens = 0;
    Path first = null;
    List<String> labels = null;
    for (Path adapter : adapters) {
      SavedAdapter saved = registry.open(adapter);
      if (labels != null && !labels.equals(saved.labels())) {
        throw new UsageException(
            "the adapters %s are of heads with the labels %s and %s; use them apart"
                .formatted(adapters, labels, saved.labels()));
      }
      labels = saved.labels();
      tokens = Math.max(tokens, saved.tokens());
      Path own = saved.tokenizer().orElse(first);
      if (first != null && own != null && !same(first, own)) {
        throw new UsageException(
            "the adapters in %s and %s have tokenizers that differ; use them apart, or choose one with --tokenizer"
                .formatted(first, own));
      }
      first = own;
    }
    return new Brought(tokens, Optional.ofNullable(first), labels == null ? List.of() : labels);
  }

  /** A model that has it. */
  HuggingFaceCheckpointer to(HuggingFaceCheckpointer model) {
    return model.withVocabulary(tokens).withLabels(labels, 0);
  }

  private static boolean same(Path one, Path other) {
    try {
      return Files.mismatch(one.resolve("tokenizer.json"), other.resolve("tokenizer.json")) < 0;
    } catch (IOException e) {
      throw new InputException("cannot compare tokenizers: " + TuneException.reason(e), e);
    }
  }
}

package org.tune4j.serve;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.generation.Generator;
import org.tune4j.inference.Classifier;
import org.tune4j.inference.InferenceModel;
import org.tune4j.tokenizers.Tokenizer;

/** A base model and adapters over it, each by the name that clients ask for. */
public final class ServedModels {
  private final Tokenizer tokenizer;
  private final int maxSeqLen;
  private final int vocabSize;
  private final String base;
  private final Map<String, Generator> generators = new LinkedHashMap<>();
  private final Map<String, Classifier> classifiers = new LinkedHashMap<>();
  private final boolean classifies;
  private long maxCharacters;

  /**
   * Loads the adapters; their tensors belong to the innermost scope.
   *
   * @param model what the adapters are loaded over; must outlive this
   * @param base the base model's name
   * @param adapters PEFT folders by name
   * @throws UsageException when a name stands twice
   */
  public ServedModels(InferenceModel model, String base, Map<String, Path> adapters) {
    this.tokenizer = model.tokenizer();
    this.maxSeqLen = model.base().config().maxSeqLen();
    this.vocabSize = Math.min(model.base().config().vocabSize(), tokenizer.vocabSize());
    this.base = base;
    this.classifies = model.base().config().labels().isPresent();
    if (model.standsAlone()) {
      put(model, base, null);
    }
    adapters.forEach((name, folder) -> put(model, name, folder));
  }

  private void put(InferenceModel model, String name, @Nullable Path adapter) {
    if (names().contains(name)) {
      throw new UsageException(
          "model name '%s' is given twice; give each --adapter NAME=DIR its own name"
              .formatted(name));
    }
    if (classifies) {
      classifiers.put(name, new Classifier(model.engine(), model.with(adapter)));
    } else {
      generators.put(name, model.generator(adapter));
    }
  }

  List<String> names() {
    return new ArrayList<>((classifies ? classifiers : generators).keySet());
  }

  /** The base's name. */
  String base() {
    return base;
  }

  @Nullable Generator generator(String name) {
    return generators.get(name);
  }

  @Nullable Classifier classifier(String name) {
    return classifiers.get(name);
  }

  Tokenizer tokenizer() {
    return tokenizer;
  }

  int maxSeqLen() {
    return maxSeqLen;
  }

  /**
   * More characters than this make more tokens than the model takes, whatever they are. Looks at
   * every token, once.
   */
  synchronized long maxCharacters() {
    if (maxCharacters == 0) {
      int longest = 1;
      for (int id = 0; id < vocabSize; id++) {
        try {
          longest = Math.max(longest, tokenizer.decode(new int[] {id}).length());
        } catch (InputException e) {
          // no token has this id
        }
      }
      // Decoding leaves out the blank that begins a text.
      maxCharacters = (longest + 1L) * maxSeqLen;
    }
    return maxCharacters;
  }

  /** One more than the largest id that a prompt may hold. */
  int vocabSize() {
    return vocabSize;
  }
}

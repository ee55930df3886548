package org.tune4j.checkpointing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.checkpoint.HuggingFaceConfig;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderConfig;
import org.tune4j.tokenizers.NewTokens;
import org.tune4j.tokenizers.TokenizerSpec;

/**
 * What a model has besides its checkpoint: tokens, and a classifier's head. The tokenizer is read
 * once, when needed.
 */
final class Additions {
  static final Additions NONE = new Additions(0, null, List.of(), 0);

  private final int rows;
  private final @Nullable TokenizerSpec tokenizer;
  private final List<String> labels;
  private final long seed;
  private final AtomicReference<@Nullable NewTokens> read = new AtomicReference<>();

  private Additions(int rows, @Nullable TokenizerSpec tokenizer, List<String> labels, long seed) {
    this.rows = rows;
    this.tokenizer = tokenizer;
    this.labels = labels;
    this.seed = seed;
  }

  /** With so many rows of embedding and head at least. */
  Additions withRows(int tokens) {
    return new Additions(tokens, null, labels, seed);
  }

  /** With the tokens that a tokenizer adds, whose rows are trained. */
  Additions withTokenizer(TokenizerSpec adding) {
    return new Additions(0, adding, labels, seed);
  }

  /** With a head of labels in place of the tokens', begun by a seed where there is none. */
  Additions withLabels(List<String> names, long seedOfHead) {
    return new Additions(rows, tokenizer, names, seedOfHead);
  }

  /** What a folder's {@code config.json} says then. */
  HuggingFaceConfig config(Path model) {
    HuggingFaceConfig wider = HuggingFaceFolder.config(model).withVocabulary(rows(model));
    return labels.isEmpty() ? wider : wider.withLabels(labels);
  }

  /** The folder as it is then, with weights of these files; of its own where none are named. */
  HuggingFaceFolder open(Path model, List<Path> names) {
    return HuggingFaceFolder.open(model, names)
        .withVocabulary(rows(model))
        .withLabels(labels, seed);
  }

  private Optional<NewTokens> added(Path model) {
    if (tokenizer != null && read.get() == null) {
      read.set(tokenizer.newTokens(model).orElse(null));
    }
    return Optional.ofNullable(read.get());
  }

  /** How many rows embedding and head have at least. */
  private int rows(Path model) {
    return Math.max(rows, added(model).map(NewTokens::vocabSize).orElse(0));
  }

  /**
   * How an adapter also trains a classifier's head, and the added tokens' rows unless it trains the
   * whole tables.
   */
  AdapterConfig trainedBy(AdapterConfig given, DecoderConfig sizes, Path model) {
    Decoder.Names names = sizes.names();
    AdapterConfig adapter = sizes.labels().isPresent() ? given.saving(names.head()) : given;
    NewTokens added = added(model).orElse(null);
    if (added == null) {
      return adapter;
    }
    boolean embedding = adapter.modulesToSave().matches(names.body() + "." + names.embedding());
    boolean head = adapter.modulesToSave().matches(names.head());
    if (embedding && sizes.tieWordEmbeddings() && !adapter.modulesToSave().tied()) {
      throw new UsageException(
          "tokenizer.added_tokens adds rows to a head that is tied to the embedding, of which modules_to_save trains a copy; set ensure_weight_tying=true, or leave modules_to_save out");
    }
    return adapter.withTokens(
        added.ids(),
        Stream.of(
                embedding ? "" : names.embedding(),
                head || sizes.tieWordEmbeddings() ? "" : names.head())
            .filter(name -> !name.isEmpty())
            .toList());
  }

  /** Refuses to start a classifier from an adapter without a head, and the other way round. */
  static void requireSameHead(DecoderConfig sizes, @Nullable Path adapter) {
    boolean scores = sizes.labels().isPresent();
    if (adapter != null
        && SavedAdapter.isClassifier(PeftAdapter.open(adapter).config()) != scores) {
      throw new InputException(
          scores
              ? "the adapter %s has no head of labels; merge it with tune merge, and train the merged model"
                  .formatted(adapter)
              : "the adapter %s is a classifier's; train it on with the recipe that made it"
                  .formatted(adapter));
    }
  }

  /** Writes the tokenizer into a folder, with what else belongs to it, where tokens are added. */
  void write(Path model, Path folder) throws IOException {
    NewTokens added = added(model).orElse(null);
    if (added != null) {
      HuggingFaceFolder.copyTokenizer(model, folder);
      Files.writeString(folder.resolve("tokenizer.json"), added.tokenizerJson());
    }
  }
}

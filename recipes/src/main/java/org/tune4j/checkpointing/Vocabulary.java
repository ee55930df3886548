package org.tune4j.checkpointing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderConfig;
import org.tune4j.tokenizers.NewTokens;
import org.tune4j.tokenizers.TokenizerSpec;

/**
 * The tokens that a model has besides its checkpoint's. The tokenizer is read once, when needed.
 */
final class Vocabulary {
  private final int rows;
  private final @Nullable TokenizerSpec tokenizer;
  private final AtomicReference<@Nullable NewTokens> read = new AtomicReference<>();

  /**
   * A vocabulary.
   *
   * @param rows that embedding and head have at least
   * @param tokenizer that adds tokens, whose rows are trained; null for none
   */
  Vocabulary(int rows, @Nullable TokenizerSpec tokenizer) {
    this.rows = rows;
    this.tokenizer = tokenizer;
  }

  private Optional<NewTokens> added(Path model) {
    if (tokenizer != null && read.get() == null) {
      read.set(tokenizer.newTokens(model).orElse(null));
    }
    return Optional.ofNullable(read.get());
  }

  /** How many rows embedding and head have at least. */
  int rows(Path model) {
    return Math.max(rows, added(model).map(NewTokens::vocabSize).orElse(0));
  }

  /** How an adapter also trains the added tokens' rows, unless it trains the whole tables. */
  AdapterConfig trainedBy(AdapterConfig adapter, DecoderConfig sizes, Path model) {
    NewTokens added = added(model).orElse(null);
    if (added == null) {
      return adapter;
    }
    Decoder.Names names = sizes.names();
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

  /** Writes the tokenizer into a folder, with what else belongs to it, where tokens are added. */
  void write(Path model, Path folder) throws IOException {
    NewTokens added = added(model).orElse(null);
    if (added != null) {
      HuggingFaceFolder.copyTokenizer(model, folder);
      Files.writeString(folder.resolve("tokenizer.json"), added.tokenizerJson());
    }
  }
}

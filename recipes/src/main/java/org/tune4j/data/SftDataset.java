package org.tune4j.data;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/** Rows of any form, with a transform that turns each into a conversation. */
public final class SftDataset {
  private SftDataset() {}

  /**
   * {@return rows that a transform turns into conversations}
   *
   * @param source {@code json}, {@code csv}, {@code parquet} or {@code text}; empty, or a name on
   *     the Hub, which is not fetched, where each file's ending tells
   * @param messageTransform its class and its settings are part of what the cached tokens are filed
   *     under
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} has another name
   */
  @Component(
      value = "sft_dataset",
      aliases = {"torchtune.datasets.SFTDataset"})
  public static DatasetSpec of(
      @Doc("json, csv, parquet or text; else by each file's extension") @Default("''")
          String source,
      @Doc("turns a row into a conversation") MessageTransform messageTransform,
      @Inline FileOptions files) {
    return files.dataset(new Transformed(messageTransform), source, false);
  }

  /** Rows as a transform, maybe another program's, reads them. */
  private record Transformed(MessageTransform transform) implements RowEncoder {
    @Override
    public TokenizedConversation encode(DataRow row, Tokenizer tokenizer) {
      return tokenizer.tokenize(transform.messages(row));
    }

    @Override
    public String settings() {
      Class<?> own = transform.getClass();
      return "sft %s %s %s"
          .formatted(own.getName(), Fingerprint.start().code(own).end(), transform.settings());
    }
  }
}

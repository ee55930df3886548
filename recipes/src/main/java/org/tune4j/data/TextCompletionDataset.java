package org.tune4j.data;

import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/** Rows of plain text, every token of which is trained on. */
public final class TextCompletionDataset {
  private TextCompletionDataset() {}

  /**
   * {@return rows of plain text; a packed one goes on in the next pack unless {@code files} says
   * otherwise}
   *
   * @param source {@code json}, {@code csv}, {@code parquet} or {@code text}; empty, or a name on
   *     the Hub, which is not fetched, where each file's ending tells
   * @param column the text's
   * @param addEos whether each row ends with the end-of-text token
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} has another name
   */
  @Component(
      value = "text_completion_dataset",
      aliases = {
        "torchtune.datasets.text_completion_dataset",
        "torchtune.datasets.TextCompletionDataset"
      })
  public static DatasetSpec textCompletion(
      @Doc("json, csv, parquet or text; else by each file's extension") @Default("''")
          String source,
      @Doc("the column with the text") @Default("text") String column,
      @Doc("end each row with the end-of-text token") @Default("true") boolean addEos,
      @Inline FileOptions files) {
    return files.dataset(new Text(column, addEos), source, true);
  }

  private record Text(String column, boolean addEos) implements RowEncoder {
    @Override
    public TokenizedConversation encode(DataRow row, Tokenizer tokenizer) {
      int[] ids =
          tokenizer.encodeText(row.text(column, "name it with dataset.column=NAME"), addEos);
      return new TokenizedConversation(ids, new boolean[ids.length]);
    }

    @Override
    public String settings() {
      return toString();
    }
  }
}

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

  @Component(
      value = "text_completion_dataset",
      aliases = {"torchtune.datasets.text_completion_dataset"})
  public static DatasetSpec textCompletion(
      @Doc("json, csv, parquet or text; else each file's ending tells") @Default("''")
          String source,
      @Doc("the text's column") @Default("text") String column,
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

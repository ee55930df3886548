package org.tune4j.data;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;

/** Rows of {@code input} and {@code output}: a turn of the user and a turn of the assistant. */
public final class InstructDataset {
  private InstructDataset() {}

  @Component(
      value = "instruct_dataset",
      aliases = {"torchtune.datasets.instruct_dataset"})
  public static DatasetSpec instruct(
      @Doc("json, csv, parquet or text; else each file's ending tells") @Default("''")
          String source,
      @Doc("another name for a column, by its usual one") @Nullable Map<String, String> columnMap,
      @Doc("train on the user's turn too") @Default("false") boolean trainOnInput,
      @Doc("a system turn before each row") @Nullable String newSystemPrompt,
      @Inline FileOptions files) {
    MessageTransform turns = new InputOutputToMessages(columnMap, trainOnInput, newSystemPrompt);
    return files.dataset(
        new Conversations("instruct " + turns.settings(), turns::messages), source, false);
  }

  @Component(
      value = "grammar_dataset",
      aliases = {"torchtune.datasets.grammar_dataset"})
  public static DatasetSpec grammar(
      @Doc("json, csv, parquet or text; else each file's ending tells") @Default("liweili/c4_200m")
          String source,
      @Doc("another name for a column, by its usual one") @Nullable Map<String, String> columnMap,
      @Doc("train on the user's turn too") @Default("false") boolean trainOnInput,
      @Doc("a system turn before each row") @Nullable String newSystemPrompt,
      @Inline FileOptions files) {
    return instruct(source, columnMap, trainOnInput, newSystemPrompt, files);
  }

  @Component(
      value = "samsum_dataset",
      aliases = {"torchtune.datasets.samsum_dataset"})
  public static DatasetSpec samsum(
      @Doc("json, csv, parquet or text; else each file's ending tells") @Default("Samsung/samsum")
          String source,
      @Doc("another name for a column, by its usual one") @Nullable Map<String, String> columnMap,
      @Doc("train on the user's turn too") @Default("false") boolean trainOnInput,
      @Doc("a system turn before each row") @Nullable String newSystemPrompt,
      @Inline FileOptions files) {
    boolean own = columnMap == null || columnMap.isEmpty();
    return instruct(
        source,
        own ? Map.of("input", "dialogue", "output", "summary") : columnMap,
        trainOnInput,
        newSystemPrompt,
        files);
  }
}

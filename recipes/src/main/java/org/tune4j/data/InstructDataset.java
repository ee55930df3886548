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

  /**
   * {@return rows of two turns}
   *
   * @param source {@code json}, {@code csv}, {@code parquet} or {@code text}; empty, or a name on
   *     the Hub, which is not fetched, where each file's ending tells
   * @param columnMap the files' names of {@code input} and {@code output}; null where they are
   *     these
   * @param trainOnInput whether the user's turn is trained on too
   * @param newSystemPrompt a system turn added before each row, never trained on; null for none
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} or {@code columnMap} has another name
   */
  @Component(
      value = "instruct_dataset",
      aliases = {"torchtune.datasets.instruct_dataset"})
  public static DatasetSpec instruct(
      @Doc("json, csv, parquet or text; else by each file's extension") @Default("''")
          String source,
      @Doc("other names for columns, by their usual ones") @Nullable Map<String, String> columnMap,
      @Doc("also train on the user's turns") @Default("false") boolean trainOnInput,
      @Doc("a system turn added before each row") @Nullable String newSystemPrompt,
      @Inline FileOptions files) {
    MessageTransform turns = new InputOutputToMessages(columnMap, trainOnInput, newSystemPrompt);
    return files.dataset(
        new Conversations("instruct " + turns.settings(), turns::messages), source, false);
  }

  /**
   * {@return {@link #instruct}, with the name of a data set of corrected sentences for a default}
   *
   * @param source as in {@link #instruct}
   * @param columnMap the files' names of {@code input} and {@code output}; null where they are
   *     these
   * @param trainOnInput whether the user's turn is trained on too
   * @param newSystemPrompt a system turn added before each row, never trained on; null for none
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} or {@code columnMap} has another name
   */
  @Component(
      value = "grammar_dataset",
      aliases = {"torchtune.datasets.grammar_dataset"})
  public static DatasetSpec grammar(
      @Doc("json, csv, parquet or text; else by each file's extension") @Default("liweili/c4_200m")
          String source,
      @Doc("other names for columns, by their usual ones") @Nullable Map<String, String> columnMap,
      @Doc("also train on the user's turns") @Default("false") boolean trainOnInput,
      @Doc("a system turn added before each row") @Nullable String newSystemPrompt,
      @Inline FileOptions files) {
    return instruct(source, columnMap, trainOnInput, newSystemPrompt, files);
  }

  /**
   * {@return {@link #instruct}, of columns {@code dialogue} and {@code summary} (Gliwa et al.
   * 2019)}
   *
   * @param source as in {@link #instruct}
   * @param columnMap the files' names of {@code input} and {@code output}; null or empty for {@code
   *     dialogue} and {@code summary}
   * @param trainOnInput whether the user's turn is trained on too
   * @param newSystemPrompt a system turn added before each row, never trained on; null for none
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} or {@code columnMap} has another name
   */
  @Component(
      value = "samsum_dataset",
      aliases = {"torchtune.datasets.samsum_dataset"})
  public static DatasetSpec samsum(
      @Doc("json, csv, parquet or text; else by each file's extension") @Default("Samsung/samsum")
          String source,
      @Doc("other names for columns, by their usual ones") @Nullable Map<String, String> columnMap,
      @Doc("also train on the user's turns") @Default("false") boolean trainOnInput,
      @Doc("a system turn added before each row") @Nullable String newSystemPrompt,
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

package org.tune4j.data;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Incomplete;
import org.tune4j.component.Inline;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.Tokenizer;

/** Rows of a prompt, and whatever a reward has to know of it. */
public final class PromptDataset {
  private static final String PROMPT = "prompt";

  private PromptDataset() {}

  /**
   * {@return prompts whose answers are sampled}
   *
   * <p>A prompt is a text, which is the user's turn, or a list of turns. All columns are handed to
   * the reward function.
   *
   * @param source {@code json}, {@code csv}, {@code parquet} or {@code text}; empty, or a name on
   *     the Hub, which is not fetched, where each file's ending tells
   * @param columnMap the files' name of {@code prompt}; null where it is this
   * @param newSystemPrompt a system turn that replaces the rows' own; null to leave theirs
   * @param files which files, and how their rows are taken; they are not packed
   * @throws UsageException when {@code source} or {@code columnMap} has another name, or rows are
   *     to be packed
   */
  @Component("prompt_dataset")
  public static DatasetSpec prompts(
      @Doc("json, csv, parquet or text; else by each file's extension") @Default("''")
          String source,
      @Doc("other names for columns, by their usual ones") @Nullable Map<String, String> columnMap,
      @Doc("a system turn that replaces the rows' own") @Nullable String newSystemPrompt,
      @Inline FileOptions files) {
    if (files.packed()) {
      throw new UsageException("packed is true, but prompts are not packed; set it to false");
    }
    ColumnNames names = ColumnNames.of(columnMap, PROMPT);
    return new Rows(
        new AnswerColumns(names, PROMPT, false, newSystemPrompt),
        DataFiles.of(source, files.dataFiles()),
        Split.parse(files.split()),
        files.onBadRow());
  }

  private record Rows(AnswerColumns columns, DataFiles files, Split split, OnBadRow onBadRow)
      implements DatasetSpec, Incomplete {
    @Override
    public Optional<String> missing() {
      return files.missing();
    }

    @Override
    public Dataset open(Tokenizer tokenizer, int maxSeqLen, DataCache cache) {
      Reading reading = new Reading(columns, tokenizer, maxSeqLen, onBadRow);
      for (DataFiles.DataFile f : files.resolve()) {
        f.format().read(f.path(), reading);
      }
      Split.Range part = split.of(reading.prompts.size());
      return new Prompts(
          reading.prompts.subList(part.from(), part.to()), reading.skipped, reading.firstSkipped);
    }
  }

  /** Makes prompts of rows. */
  private static final class Reading implements RowSink {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int NAMED = 3;

    private final AnswerColumns columns;
    private final Tokenizer tokenizer;
    private final int maxSeqLen;
    private final OnBadRow onBadRow;
    private final List<Prompt> prompts = new ArrayList<>();
    private final List<String> firstSkipped = new ArrayList<>();
    private long skipped;

    Reading(AnswerColumns columns, Tokenizer tokenizer, int maxSeqLen, OnBadRow onBadRow) {
      this.columns = columns;
      this.tokenizer = tokenizer;
      this.maxSeqLen = maxSeqLen;
      this.onBadRow = onBadRow;
    }

    @Override
    public void row(DataRow row) {
      try {
        prompts.add(prompt(row));
      } catch (InputException e) {
        // The tokenizer's errors do not know the row.
        String why = String.valueOf(e.getMessage());
        bad(why.startsWith(row.file().toString()) ? e : row.wrong(row.place(), why));
      }
    }

    private Prompt prompt(DataRow row) {
      List<Message> messages = columns.asked(row);
      int[] tokens = tokenizer.prompt(messages);
      if (tokens.length == 0 || tokens.length > maxSeqLen) {
        throw row.wrong(
            row.place(),
            "the prompt has %d tokens, expected 1 to %d (tokenizer.max_seq_len); raise it, or leave such rows out with dataset.on_bad_row=skip"
                .formatted(tokens.length, maxSeqLen));
      }
      Map<String, @Nullable Object> all = new LinkedHashMap<>();
      row.cells()
          .forEach((name, cell) -> all.put(name, JSON.convertValue(cell.value(), Object.class)));
      return new Prompt(tokens, messages, all);
    }

    @Override
    public void bad(InputException why) {
      if (onBadRow == OnBadRow.STOP) {
        throw why;
      }
      skipped++;
      if (firstSkipped.size() < NAMED) {
        firstSkipped.add(String.valueOf(why.getMessage()));
      }
    }
  }
}

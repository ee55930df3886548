package org.tune4j.data;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/** Rows of a prompt, an answer that was chosen and one that was rejected. */
public final class PreferenceDataset {
  private static final String PROMPT = "prompt";
  private static final String CHOSEN = "chosen";
  private static final String REJECTED = "rejected";
  private static final String MARGIN = "margin";

  private PreferenceDataset() {}

  /**
   * {@return pairs of answers to the same prompt}
   *
   * <p>The answers are texts, with a prompt beside them, or lists of turns; the turns that both
   * have in common are the prompt then. The answers alone are trained on. By how much the chosen
   * one is better may stand in {@code margin}, which {@code bradley_terry_loss} takes.
   *
   * @param source {@code json}, {@code csv}, {@code parquet} or {@code text}; empty, or a name on
   *     the Hub, which is not fetched, where each file's ending tells
   * @param columnMap the files' names of {@code prompt}, {@code chosen} and {@code rejected}; null
   *     where they are these
   * @param trainOnInput whether prompts are trained on too
   * @param newSystemPrompt a system turn that replaces the rows' own, never trained on; null to
   *     leave theirs
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} or {@code columnMap} has another name
   */
  @Component(
      value = "preference_dataset",
      aliases = {"torchtune.datasets.preference_dataset"})
  public static DatasetSpec preference(
      @Doc("json, csv, parquet or text; else by each file's extension") @Default("''")
          String source,
      @Doc("other names for columns, by their usual ones") @Nullable Map<String, String> columnMap,
      @Doc("also train on the prompts") @Default("false") boolean trainOnInput,
      @Doc("a system turn that replaces the rows' own") @Nullable String newSystemPrompt,
      @Inline FileOptions files) {
    ColumnNames names = ColumnNames.of(columnMap, PROMPT, CHOSEN, REJECTED, MARGIN);
    return files.dataset(
        new Pairs(new AnswerColumns(names, PROMPT, trainOnInput, newSystemPrompt)), source, false);
  }

  /**
   * {@return {@link #preference}, with the name of a data set of helpful answers for a default (Bai
   * et al. 2022)}
   *
   * @param source as in {@link #preference}
   * @param columnMap the files' names of {@code prompt}, {@code chosen} and {@code rejected}; null
   *     where they are these
   * @param trainOnInput whether prompts are trained on too
   * @param newSystemPrompt a system turn that replaces the rows' own, never trained on; null to
   *     leave theirs
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} or {@code columnMap} has another name
   */
  @Component(
      value = "hh_rlhf_helpful_dataset",
      aliases = {"torchtune.datasets.hh_rlhf_helpful_dataset"})
  public static DatasetSpec helpful(
      @Doc("json, csv, parquet or text; else by each file's extension")
          @Default("RLHFlow/HH-RLHF-Helpful-standard")
          String source,
      @Doc("other names for columns, by their usual ones") @Nullable Map<String, String> columnMap,
      @Doc("also train on the prompts") @Default("false") boolean trainOnInput,
      @Doc("a system turn that replaces the rows' own") @Nullable String newSystemPrompt,
      @Inline FileOptions files) {
    return preference(source, columnMap, trainOnInput, newSystemPrompt, files);
  }

  /**
   * {@return {@link #preference}, of columns {@code question}, {@code response_j} and {@code
   * response_k}}
   *
   * @param source as in {@link #preference}
   * @param columnMap the files' names of {@code prompt}, {@code chosen} and {@code rejected}; null
   *     or empty for {@code question}, {@code response_j} and {@code response_k}
   * @param trainOnInput whether prompts are trained on too
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} or {@code columnMap} has another name
   */
  @Component(
      value = "stack_exchange_paired_dataset",
      aliases = {"torchtune.datasets.stack_exchange_paired_dataset"})
  public static DatasetSpec stackExchange(
      @Doc("json, csv, parquet or text; else by each file's extension")
          @Default("lvwerra/stack-exchange-paired")
          String source,
      @Doc("other names for columns, by their usual ones") @Nullable Map<String, String> columnMap,
      @Doc("also train on the prompts") @Default("false") boolean trainOnInput,
      @Inline FileOptions files) {
    boolean own = columnMap == null || columnMap.isEmpty();
    return preference(
        source,
        own ? Map.of(PROMPT, "question", CHOSEN, "response_j", REJECTED, "response_k") : columnMap,
        trainOnInput,
        null,
        files);
  }

  /**
   * {@return what a classifier reads of a row's chosen and rejected answer}
   *
   * @param row with columns as {@link #preference} has them
   * @param tokenizer of the model
   * @throws org.tune4j.InputException when it has no such columns; names file, row and place
   */
  public static List<int[]> pair(DataRow row, Tokenizer tokenizer) {
    ColumnNames names = ColumnNames.of(null, PROMPT, CHOSEN, REJECTED);
    AnswerColumns columns = new AnswerColumns(names, PROMPT, false, null);
    return List.of(CHOSEN, REJECTED).stream()
        .map(answer -> ScoredText.conversation(tokenizer, columns.conversation(row, answer)))
        .toList();
  }

  private record Pairs(AnswerColumns columns) implements RowsEncoder {
    @Override
    public int rowsTogether() {
      return 2;
    }

    @Override
    public boolean packs() {
      return false;
    }

    @Override
    public String settings() {
      return "pairs " + columns;
    }

    @Override
    public List<Rated> rows(DataRow row, Tokenizer tokenizer, int maxSeqLen) {
      List<Message> chosen = columns.conversation(row, CHOSEN);
      List<Message> rejected = columns.conversation(row, REJECTED);
      int common = 0;
      while (common < Math.min(chosen.size(), rejected.size())
          && chosen.get(common).fields().equals(rejected.get(common).fields())) {
        common++;
      }
      if (common == chosen.size() && common == rejected.size()) {
        throw same(row, "");
      }
      for (List<Message> turns : List.of(chosen, rejected)) {
        if (common == turns.size() || !turns.get(common).role().equals("assistant")) {
          throw row.wrong(
              row.place(),
              "chosen and rejected part at turn %d, which is not the assistant's in both; expected the same prompt"
                  .formatted(common + 1));
        }
      }
      TokenizedConversation right = columns.answered(tokenizer, chosen, common);
      TokenizedConversation wrong = columns.answered(tokenizer, rejected, common);
      columns.requireRoom(row, CHOSEN, right, maxSeqLen);
      columns.requireRoom(row, REJECTED, wrong, maxSeqLen);
      if (Arrays.equals(cut(right, maxSeqLen), cut(wrong, maxSeqLen))) {
        boolean whole = Arrays.equals(right.tokens(), wrong.tokens());
        throw same(
            row, whole ? "" : " in their first %d tokens (max_seq_len)".formatted(maxSeqLen));
      }
      return List.of(new Rated(right, 1 + margin(row)), new Rated(wrong, 0));
    }

    /** By how much the chosen answer is better, as far as the row says. */
    private double margin(DataRow row) {
      DataRow.Cell cell = columns.names().optionalCell(row, MARGIN);
      if (cell == null) {
        return 0;
      }
      double margin = cell.value().asDouble(Double.NaN);
      if (!(margin >= 0) || Double.isInfinite(margin)) {
        throw row.wrong(
            cell.place(),
            "column '%s' is %s, expected a number of 0 or more"
                .formatted(columns.names().name(MARGIN), DataRow.shown(cell.value())));
      }
      return margin;
    }

    private static int[] cut(TokenizedConversation all, int maxSeqLen) {
      return Arrays.copyOf(all.tokens(), Math.min(all.tokens().length, maxSeqLen));
    }

    private static RuntimeException same(DataRow row, String where) {
      return row.wrong(
          row.place(),
          "chosen and rejected are the same%s, expected two answers; leave such rows out with dataset.on_bad_row=skip"
              .formatted(where));
    }
  }
}

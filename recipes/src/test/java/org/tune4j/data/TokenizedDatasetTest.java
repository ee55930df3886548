package org.tune4j.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.tune4j.data.DatasetTestFiles.files;
import static org.tune4j.data.DatasetTestFiles.write;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Properties;
import org.duckdb.DuckDBDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.InputException;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;

/** Rows of ids, opened without a tokenizer. */
class TokenizedDatasetTest {
  private static final String[] ROWS = {
    "{\"input_ids\": [5, 6, 7, 8], \"labels\": [-100, -100, 7, 8]}",
    "{\"input_ids\": [9, 10, 11]}",
    "{\"input_ids\": [12, 13], \"labels\": null, \"attention_mask\": [1, 1]}"
  };

  @TempDir Path dir;

  private Dataset open(Path file, boolean packed, int maxSeqLen) {
    FileOptions files = new FileOptions(List.of(file), packed, null, "train", OnBadRow.STOP);
    DatasetSpec spec = TokenizedDataset.tokenized("", files);
    assertFalse(spec.needsTokenizer());
    try (Tokenizer none = TokenizerSpec.none(null).open(dir)) {
      return spec.open(none, maxSeqLen, new DataCache(dir.resolve("cache")));
    }
  }

  private static void assertExample(Example e, int[] tokens, int... labels) {
    assertArrayEquals(tokens, e.tokens());
    assertArrayEquals(labels, e.labels());
  }

  @Test
  void rows_ofJsonLines_haveLabelsMovedByOne() {
    Dataset rows = open(write(dir, "rows.jsonl", ROWS), false, 100);
    assertExample(rows.get(0), new int[] {5, 6, 7, 8}, -100, 7, 8, -100);
    assertExample(rows.get(1), new int[] {9, 10, 11}, 10, 11, -100);
    assertExample(rows.get(2), new int[] {12, 13}, 13, -100);
    assertEquals("3 rows; 9 tokens, 5 of them trained on", rows.report().toString());
  }

  @Test
  void example_ofARow_isThatOfTheDataSet() {
    Path file = write(dir, "rows.jsonl", ROWS);
    Dataset rows = open(file, false, 100);
    List<DataRow> read = DataRows.read(file, 0);
    for (int i = 0; i < 3; i++) {
      assertTrue(DatasetTestFiles.same(rows.get(i), TokenizedDataset.example(read.get(i))));
    }
  }

  @Test
  void rows_ofJsonAndParquet_areTheSame() throws SQLException {
    Dataset lines = open(write(dir, "rows.jsonl", ROWS), false, 100);
    Path json = write(dir, "rows.json", "[" + String.join(",", ROWS) + "]");
    Path parquet = dir.resolve("rows.parquet");
    try (Connection db = new DuckDBDriver().connect("jdbc:duckdb:", new Properties());
        Statement s = db.createStatement()) {
      s.execute("COPY (FROM read_json('%s')) TO '%s' (FORMAT parquet)".formatted(json, parquet));
    }
    for (Path other : List.of(json, parquet)) {
      assertEquals(lines.fingerprint(), open(other, false, 100).fingerprint(), other.toString());
    }
  }

  @Test
  void rows_packedAndCut_areAsAnyOthers() {
    Path file = write(dir, "rows.jsonl", ROWS);
    Dataset packs = open(file, true, 7);
    assertEquals(2, packs.size());
    assertArrayEquals(new int[] {4, 7}, packs.get(0).rowEnds());
    Dataset cut = open(file, false, 3);
    assertExample(cut.get(0), new int[] {5, 6, 7}, -100, 7, -100);
    assertEquals(1, cut.report().truncated());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"ids\": [1]} | 1:1: row 1: column 'input_ids' is missing, found ids; expected a list of token ids",
        "{\"input_ids\": \"1 2\"} | 1:15: row 1: column 'input_ids' is \"1 2\", expected a list of whole numbers",
        "{\"input_ids\": null} | 1:15: row 1: column 'input_ids' is null, expected a list of whole numbers",
        "{\"input_ids\": []} | 1:15: row 1: input_ids is empty, expected one id or more",
        "{\"input_ids\": [1, -2]} | 1:15: row 1: input_ids[1] is -2, expected 0 or more",
        "{\"input_ids\": [1, 2.5]} | 1:15: row 1: input_ids[1] is 2.5, expected a whole number of 32 bits",
        "{\"input_ids\": [5000000000]} | 1:15: row 1: input_ids[0] is 5000000000, expected a whole number of 32 bits",
        "{\"input_ids\": [[1, 2]]} | 1:15: row 1: input_ids[0] is [1,2], expected a whole number of 32 bits",
        "{\"input_ids\": [1, 2], \"labels\": [1]} | 1:33: row 1: labels has 1 numbers, input_ids 2; expected as many",
        "{\"input_ids\": [1, 2], \"labels\": [2, -100]} | 1:33: row 1: labels[0] is 2, expected 1, which is input_ids[0], or -100; labels are not shifted",
        "{\"input_ids\": [1, 2], \"attention_mask\": [1, 0]} | 1:41: row 1: attention_mask[1] is 0, expected 1; leave padding out of the rows"
      })
  void badRow_isRefusedWithItsPlace(String row, String text) {
    Path file = write(dir, "rows.jsonl", row);
    assertEquals(
        file + ":" + text,
        assertThrows(InputException.class, () -> open(file, false, 100)).getMessage());
  }

  @Test
  void textRows_withoutATokenizer_areRefused() {
    Path file = write(dir, "rows.jsonl", "{\"text\": \"a\"}");
    DatasetSpec text = TextCompletionDataset.textCompletion("", "text", false, files(file));
    assertTrue(text.needsTokenizer());
    assertTrue(
        new ConcatDataset(List.of(TokenizedDataset.tokenized("", files(file)), text), null)
            .needsTokenizer());
    try (Tokenizer none = TokenizerSpec.none(null).open(dir)) {
      assertEquals(
          file + ":1:1: row 1: there is no tokenizer for text; name one in section tokenizer",
          assertThrows(
                  InputException.class,
                  () -> text.open(none, 100, new DataCache(dir.resolve("cache"))))
              .getMessage());
    }
  }
}

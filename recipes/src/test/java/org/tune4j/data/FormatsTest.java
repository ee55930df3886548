package org.tune4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.tune4j.data.DatasetTestFiles.files;
import static org.tune4j.data.DatasetTestFiles.shown;
import static org.tune4j.data.DatasetTestFiles.write;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import org.duckdb.DuckDBDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;

/** The same rows from each format, and what each component makes of them. */
class FormatsTest {
  @TempDir Path dir;

  private List<String> rows(DatasetSpec spec) {
    return shown(DatasetTestFiles.open(spec, dir.resolve("cache")));
  }

  private static DatasetSpec instruct(Path... files) {
    return InstructDataset.instruct("", null, false, null, files(files));
  }

  private void sql(String statement) throws SQLException {
    try (Connection db = new DuckDBDriver().connect("jdbc:duckdb:", new Properties());
        Statement s = db.createStatement()) {
      s.execute(statement);
    }
  }

  @Test
  void instruct_eachFormat_sameRows() throws SQLException {
    List<String> expected = List.of("q,\"1\"[a\nb]", "ü[ö€]");
    Path json =
        write(
            dir,
            "r.jsonl",
            "{\"input\": \"q,\\\"1\\\"\", \"output\": \"a\\nb\"}",
            "{\"input\": \"ü\", \"output\": \"ö€\", \"other\": [1]}");
    assertEquals(expected, rows(instruct(json)));
    Path csv = write(dir, "r.csv", "input,output", "\"q,\"\"1\"\"\",\"a", "b\"", "", "ü,ö€");
    assertEquals(expected, rows(instruct(csv)));
    Path tsv = write(dir, "r.tsv", "output\tinput", "\"a", "b\"\t\"q,\"\"1\"\"\"", "ö€\tü");
    assertEquals(expected, rows(instruct(tsv)));
    Path parquet = dir.resolve("it's.parquet");
    sql(
        "COPY (SELECT * FROM read_json('%s', columns = {input: 'VARCHAR', output: 'VARCHAR'})) TO '%s' (FORMAT parquet)"
            .formatted(json, parquet.toString().replace("'", "''")));
    assertEquals(expected, rows(instruct(parquet)));
  }

  @Test
  void chat_bothStylesAndParquet_sameTurns() throws SQLException {
    Path openai =
        write(
            dir,
            "o.jsonl",
            "{\"messages\": [{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": \"u\"},"
                + " {\"role\": \"assistant\", \"content\": [{\"type\": \"text\", \"text\": \"a\"}]},"
                + " {\"role\": \"user\", \"content\": \"v\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}");
    Path sharegpt =
        write(
            dir,
            "s.json",
            "[{\"conversations\": [{\"from\": \"system\", \"value\": \"S\"}, {\"from\": \"human\", \"value\": \"u\"},"
                + " {\"from\": \"gpt\", \"value\": \"a\"}, {\"from\": \"human\", \"value\": \"v\"}, {\"from\": \"gpt\", \"value\": \"b\"}]}]");
    Path parquet = dir.resolve("s.parquet");
    sql(
        "COPY (SELECT * FROM read_json('%s')) TO '%s' (FORMAT parquet)"
            .formatted(sharegpt, parquet));
    List<String> expected = List.of("Su[a]v[b]");
    assertEquals(expected, rows(chat(openai, ChatDataset.Style.OPENAI, null)));
    assertEquals(expected, rows(chat(sharegpt, ChatDataset.Style.SHAREGPT, null)));
    assertEquals(expected, rows(chat(parquet, ChatDataset.Style.SHAREGPT, null)));
    assertEquals(List.of("Nu[a]v[b]"), rows(chat(openai, ChatDataset.Style.OPENAI, "N")));
  }

  private static DatasetSpec chat(Path file, ChatDataset.Style style, String system) {
    return ChatDataset.chat("", style, null, false, system, files(file));
  }

  @Test
  void chat_badTurns_saidInOneLine() {
    refused(
        "{\"messages\": [{\"role\": \"bot\", \"content\": \"x\"}]}",
        ":1:14: row 1: column 'messages', turn 1: 'role' is \"bot\", expected one of assistant, developer, function, system, tool, user");
    refused(
        "{\"messages\": [{\"role\": \"user\"}]}",
        ":1:14: row 1: column 'messages', turn 1: 'content' is missing, expected text");
    refused(
        "{\"messages\": \"hello\"}",
        ":1:14: row 1: column 'messages' is \"hello\", expected a list of turns");
    refused(
        "{\"turns\": []}",
        ":1:1: row 1: column 'messages' is missing, found turns; name it with dataset.conversation_column=NAME");
    refused(
        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}",
        ":1:14: row 1: column 'messages', turn 1: a part of its content is {\"type\":\"image_url\"}, expected text parts only");
  }

  private void refused(String row, String message) {
    Path file = write(dir, "bad.jsonl", row);
    assertEquals(
        file + message,
        assertThrows(InputException.class, () -> rows(chat(file, ChatDataset.Style.OPENAI, null)))
            .getMessage());
  }

  @Test
  void samsum_columnsOfItsOwn() {
    Path file = write(dir, "d.csv", "id,dialogue,summary", "1,long,short");
    assertEquals(
        List.of("long[short]"),
        rows(InstructDataset.samsum("Samsung/samsum", null, false, null, files(file))));
  }

  @Test
  void textCompletion_textFile_aLineARow() {
    Path file = write(dir, "t.txt", "one", "", "two");
    assertEquals(
        List.of("o[ne\u0001]", "t[wo\u0001]"),
        rows(TextCompletionDataset.textCompletion("text", "text", true, files(file))));
    assertEquals(
        List.of("o[ne]", "t[wo]"),
        rows(TextCompletionDataset.textCompletion("", "text", false, files(file))));
  }

  @Test
  void open_globsAndSeveralFiles_inOrder() throws IOException {
    Files.createDirectories(dir.resolve("a/b"));
    write(dir, "a/2.csv", "input,output", "2,2");
    write(dir, "a/1.csv", "input,output", "1,1");
    write(dir, "a/b/3.csv", "input,output", "3,3");
    Path first = write(dir, "0.jsonl", "{\"input\": \"0\", \"output\": \"0\"}");
    assertEquals(List.of("0[0]", "1[1]", "2[2]"), rows(instruct(first, dir.resolve("a/*.csv"))));
    assertEquals(List.of("1[1]", "2[2]", "3[3]"), rows(instruct(dir.resolve("a{/,/**/}*.csv"))));
  }

  @Test
  void open_badCsv_saidInOneLine() {
    Path file = write(dir, "b.csv", "input,output", "a,\"b", "\"", "", "c");
    assertEquals(
        file + ":5:1: row 2: has 1 values, expected 2: input, output",
        assertThrows(InputException.class, () -> rows(instruct(file))).getMessage());
    Path quote = write(dir, "q.csv", "input,output", "a,\"b");
    assertTrue(
        assertThrows(InputException.class, () -> rows(instruct(quote)))
            .getMessage()
            .startsWith(quote + ":"),
        "names the place");
  }

  @Test
  void open_brokenParquet_saidInOneLine() {
    Path file = write(dir, "b.parquet", "PAR1 nothing");
    String message = assertThrows(InputException.class, () -> rows(instruct(file))).getMessage();
    assertTrue(message.startsWith("data file " + file + " cannot be read as Parquet"), message);
  }

  @Test
  void onBadRow_skip_leavesOutCountsAndNames() {
    Path file =
        write(
            dir,
            "r.jsonl",
            "{\"input\": \"a\", \"output\": \"b\"}",
            "{\"input\": \"a\"",
            "7",
            "{\"input\": \"a\"}",
            "{\"input\": 1, \"output\": \"b\"}",
            "{\"input\": \"c\", \"output\": \"d\"}");
    Dataset data =
        DatasetTestFiles.open(
            InstructDataset.instruct(
                "",
                null,
                false,
                null,
                new FileOptions(List.of(file), false, null, "train", OnBadRow.SKIP)),
            dir.resolve("cache"));
    assertEquals(List.of("a[b]", "c[d]"), shown(data));
    assertEquals(4, data.report().skipped());
    assertEquals(3, data.report().firstSkipped().size());
    assertTrue(data.report().toString().contains("4 bad rows skipped (" + file + ":2:"));
  }

  @Test
  void split_slices_asHuggingFaceCutsThem() {
    assertEquals(new Split.Range(0, 10), Split.parse("train").of(10));
    assertEquals(new Split.Range(0, 9), Split.parse("train[:90%]").of(10));
    assertEquals(new Split.Range(9, 10), Split.parse("train[90%:]").of(10));
    assertEquals(new Split.Range(9, 10), Split.parse("train[-10%:]").of(10));
    assertEquals(new Split.Range(2, 5), Split.parse("train[2:5]").of(10));
    assertEquals(new Split.Range(8, 10), Split.parse("train[-2:]").of(10));
    assertEquals(new Split.Range(0, 7), Split.parse("train[:-3]").of(10));
    assertEquals(new Split.Range(5, 10), Split.parse("train[5:99]").of(10));
    assertEquals(
        "split 'train[99:]' of 10 rows is empty",
        assertThrows(InputException.class, () -> Split.parse("train[99:]").of(10)).getMessage());
    assertEquals(
        "split is 'train[:', expected train, or a slice such as train[:90%], train[10:20], train[-5%:]",
        assertThrows(UsageException.class, () -> Split.parse("train[:")).getMessage());
    assertTrue(
        assertThrows(UsageException.class, () -> Split.parse("test"))
            .getMessage()
            .startsWith("split is 'test', but local files are one split, train"));
  }

  @Test
  void concat_mixed_everyRowAndByWeight() {
    Path a = write(dir, "a.csv", "input,output", "a,1", "a,2", "a,3", "a,4");
    Path b = write(dir, "b.csv", "input,output", "b,1", "b,2");
    List<DatasetSpec> both = List.of(instruct(a), instruct(b));
    assertEquals(
        List.of("a[1]", "a[2]", "a[3]", "a[4]", "b[1]", "b[2]"),
        rows(new ConcatDataset(both, null)));
    assertEquals(
        List.of("a[1]", "b[1]", "a[2]", "b[2]", "a[3]", "b[1]", "a[4]"),
        rows(new ConcatDataset(both, List.of(1.0, 1.0))));
    assertEquals(
        "weights has 1 numbers, expected one for each of the 2 data sets",
        assertThrows(UsageException.class, () -> new ConcatDataset(both, List.of(1.0)))
            .getMessage());
    Dataset mixed =
        DatasetTestFiles.open(new ConcatDataset(both, List.of(3.0, 1.0)), dir.resolve("cache"));
    assertEquals(6, mixed.report().rows());
    assertEquals(8, mixed.size());
    assertTrue(
        mixed.report().toString().endsWith("; 2 repeat in an epoch, by their weights"),
        mixed.report().toString());
  }

  /** Changes, deletions and insertions of bytes: only the project's own errors come out. */
  @Test
  void open_mutatedFiles_onlyOwnErrors() throws IOException {
    long seed = 20261124;
    Random random = new Random(seed);
    Map<String, byte[]> originals =
        Map.of(
            "m.jsonl",
            "{\"input\": \"a\", \"output\": \"b\\u00e4\"}\n{\"input\": \"ü\", \"output\": \"d\"}\n"
                .getBytes(java.nio.charset.StandardCharsets.UTF_8),
            "m.json",
            "[{\"input\": \"a\", \"output\": \"b\"}, {\"input\": \"ü\", \"output\": [1]}]"
                .getBytes(java.nio.charset.StandardCharsets.UTF_8),
            "m.csv",
            "input,output\n\"a\"\"\",b\nü,\"d\n\"\n"
                .getBytes(java.nio.charset.StandardCharsets.UTF_8));
    for (Map.Entry<String, byte[]> e : originals.entrySet()) {
      for (int i = 0; i < 400; i++) {
        byte[] bytes = e.getValue().clone();
        for (int k = random.nextInt(4); k >= 0; k--) {
          bytes[random.nextInt(bytes.length)] =
              random.nextBoolean()
                  ? (byte) random.nextInt(256)
                  : (byte) "{}[]\",:\\\n\u0000".charAt(random.nextInt(10));
        }
        Path file = Files.write(dir.resolve(e.getKey()), bytes);
        OnBadRow onBadRow = random.nextBoolean() ? OnBadRow.STOP : OnBadRow.SKIP;
        int round = i;
        try {
          FileFormat.of(file)
              .read(
                  file,
                  new RowSink() {
                    @Override
                    public void row(DataRow row) {
                      try {
                        row.text("output", "fix");
                      } catch (InputException bad) {
                        bad(bad);
                      }
                    }

                    @Override
                    public void bad(InputException why) {
                      if (onBadRow == OnBadRow.STOP) {
                        throw why;
                      }
                    }
                  });
        } catch (TuneException expected) {
          assertTrue(expected.getMessage().contains(file.toString()), "seed " + seed);
        } catch (RuntimeException wrong) {
          throw new AssertionError("seed " + seed + ", round " + round + " of " + file, wrong);
        }
      }
    }
  }
}

package org.tune4j.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;

class AlpacaDatasetTest {
  @TempDir Path dir;

  private DatasetSpec dataset(Path file) {
    return AlpacaDataset.alpaca("tatsu-lab/alpaca", null, false, DatasetTestFiles.files(file));
  }

  private Dataset open(Path file) {
    return DatasetTestFiles.open(dataset(file), dir.resolve("cache"));
  }

  @Test
  void open_alpacaTiny_equalsGoldenIdsAndMasks() throws IOException {
    Path shared = Path.of("../../shared");
    assumeTrue(
        Files.isDirectory(shared.resolve("models")), "skipped: ../shared/models is not there");
    DatasetSpec data =
        AlpacaDataset.alpaca(
            "json", null, true, DatasetTestFiles.files(shared.resolve("data/alpaca_tiny.json")));
    JsonNode rows =
        new ObjectMapper()
            .readTree(shared.resolve("golden/smollm2/tokens.json").toFile())
            .get("rows");
    try (Tokenizer tokenizer =
        new TokenizerSpec(null, null).open(shared.resolve("models/smollm2-135m-instruct"))) {
      Dataset examples = data.open(tokenizer, 8192, new DataCache(dir));
      assertEquals(100, examples.size());
      for (int r = 0; r < rows.size(); r++) {
        JsonNode tokens = rows.get(r).get("tokens");
        JsonNode masked = rows.get(r).get("masked");
        int n = tokens.size();
        assertArrayEquals(
            IntStream.range(0, n).map(i -> tokens.get(i).asInt()).toArray(),
            examples.get(r).tokens(),
            "row " + r);
        assertArrayEquals(
            IntStream.range(0, n)
                .map(
                    i ->
                        i + 1 < n && masked.get(i + 1).asInt() == 0
                            ? tokens.get(i + 1).asInt()
                            : -100)
                .toArray(),
            examples.get(r).labels(),
            "row " + r);
      }
    }
  }

  @Test
  void open_withAndWithoutInput_stanfordsPrompt() {
    Path file =
        DatasetTestFiles.write(
            dir,
            "r.jsonl",
            "{\"instruction\": \"Add.\", \"input\": \"1 1\", \"output\": \"2\"}",
            "{\"instruction\": \"Add.\", \"input\": null, \"output\": \"3\"}");
    assertEquals(
        List.of(
            "Below is an instruction that describes a task, paired with an input that provides further context. "
                + "Write a response that appropriately completes the request.\n\n"
                + "### Instruction:\nAdd.\n\n### Input:\n1 1\n\n### Response:\n[2]",
            "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
                + "### Instruction:\nAdd.\n\n### Response:\n[3]"),
        DatasetTestFiles.shown(open(file)));
  }

  @Test
  void open_systemAndHistory_areEarlierTurns() {
    Path file =
        DatasetTestFiles.write(
            dir,
            "r.jsonl",
            "{\"instruction\": \"Go.\", \"output\": \"2\", \"system\": \"Be brief.\","
                + " \"history\": [[\"q\", \"a\"], [\"r\", \"b\"]]}",
            "{\"instruction\": \"Go.\", \"output\": \"3\", \"system\": \"\", \"history\": []}");
    String prompt =
        "Below is an instruction that describes a task. Write a response that appropriately"
            + " completes the request.\n\n"
            + "### Instruction:\n"
            + "Go.\n\n"
            + "### Response:\n";
    assertEquals(
        List.of("Be brief.q[a]r[b]" + prompt + "[2]", prompt + "[3]"),
        DatasetTestFiles.shown(open(file)));
    Path bad =
        DatasetTestFiles.write(
            dir, "b.jsonl", "{\"instruction\": \"a\", \"output\": \"b\", \"history\": [[\"q\"]]}");
    refused(
        bad,
        bad
            + ":1:48: row 1: column 'history' is [[\"q\"]], expected a list of pairs of question"
            + " and answer");
  }

  @Test
  void open_trainOnInput_promptIsTrainedOn() {
    Path file =
        DatasetTestFiles.write(dir, "r.jsonl", "{\"instruction\": \"a\", \"output\": \"b\"}");
    Dataset data =
        DatasetTestFiles.open(
            AlpacaDataset.alpaca("", null, true, DatasetTestFiles.files(file)), dir);
    Example e = data.get(0);
    assertEquals(e.tokens().length - 1, e.labelCount());
  }

  @Test
  void open_jsonLinesAndArray_sameRows() {
    String row = "{\"instruction\": \"a\", \"output\": \"b\"}";
    Path lines = DatasetTestFiles.write(dir, "rows.jsonl", row, "", row);
    Path array = DatasetTestFiles.write(dir, "rows.json", "[" + row + ",", row + "]");
    assertEquals(2, open(lines).size());
    assertEquals(DatasetTestFiles.shown(open(lines)), DatasetTestFiles.shown(open(array)));
  }

  @Test
  void open_longRow_isCutAndCounted() {
    Path file =
        DatasetTestFiles.write(dir, "r.jsonl", "{\"instruction\": \"a\", \"output\": \"bcdef\"}");
    Dataset data =
        dataset(file).open(DatasetTestFiles.CHARACTERS, 4, new DataCache(dir.resolve("cache")));
    assertEquals("Belo", DatasetTestFiles.shown(data.get(0)));
    assertEquals(1, data.report().truncated());
    assertEquals(1, data.report().fullyMasked());
    assertEquals(
        "1 row; 4 tokens, 0 of them trained on; 1 row cut to tokenizer.max_seq_len; 1 row with nothing to train on",
        data.report().toString());
  }

  private void refused(Path file, String message) {
    assertEquals(
        message, assertThrows(InputException.class, () -> open(file)).getMessage(), "" + file);
  }

  @Test
  void open_badRows_saidInOneLine() {
    Path a =
        DatasetTestFiles.write(
            dir, "a.json", "[", "  {\"instruction\": \"a\", \"answer\": \"b\"}", "]");
    refused(
        a,
        a
            + ":2:3: row 1: column 'output' is missing, found instruction, answer; name it with dataset.column_map.output=NAME");
    String good = "{\"instruction\": \"a\", \"output\": \"b\"}";
    Path b =
        DatasetTestFiles.write(dir, "b.jsonl", good, "", "{\"instruction\": \"a\", \"output\": 7}");
    refused(b, b + ":3:32: row 2: column 'output' is 7, expected text");
    Path c = DatasetTestFiles.write(dir, "c.jsonl", good, "{\"instruction\": \"a\", \"out");
    refused(
        c,
        c
            + ":2:26: row 2: Unexpected end-of-input in field name; expected a JSON array of objects or one object per line");
    Path d = DatasetTestFiles.write(dir, "d.json", "[1]");
    refused(d, d + ":1:2: row 1: is a number, expected an object with columns");
    Path e = DatasetTestFiles.write(dir, "e.json", "[" + good);
    String ends = assertThrows(InputException.class, () -> open(e)).getMessage();
    assertTrue(ends.startsWith(e + ":") && ends.contains(": row 2: Unexpected end-of-"), ends);
    Path f = DatasetTestFiles.write(dir, "f.jsonl", good + " 1");
    refused(
        f,
        f
            + ":1:37: row 1: there is more after the object; expected a JSON array of objects or one object per line");
  }

  @Test
  void open_filesWithoutRows_saidInOneLine() throws IOException {
    Path empty = Files.writeString(dir.resolve("c.json"), "");
    refused(empty, "data file " + empty + " holds no rows; expected at least one");
    Path none = DatasetTestFiles.write(dir, "n.json", "[]");
    refused(none, "data file " + none + " holds no rows; expected at least one");
    Path absent = dir.resolve("x.json");
    refused(
        absent,
        "data file " + absent + " does not exist; name JSON, JSONL, CSV, Parquet or text files");
    Path other = DatasetTestFiles.write(dir, "rows.yaml", "a: b");
    refused(
        other,
        "data file "
            + other
            + ": its extension names no format; set dataset.source to one of json, csv, parquet, text");
    refused(
        dir,
        "data file " + dir + " is a folder; name its files, such as " + dir.resolve("*.jsonl"));
    refused(dir.resolve("*.xyz"), "no data file matches " + dir.resolve("*.xyz"));
  }

  @Test
  void alpaca_wrongArguments_refused() {
    FileOptions some = DatasetTestFiles.files(Path.of("x.json"));
    assertEquals(
        "column_map: 'answer' is not a column of this data set; accepted are instruction, input, output, system, history",
        assertThrows(
                UsageException.class,
                () -> AlpacaDataset.alpaca("", Map.of("answer", "y"), true, some))
            .getMessage());
    FileOptions none = new FileOptions(null, false, null, "train", OnBadRow.STOP);
    assertEquals(
        "source 'tatsu-lab/alpaca' is a data set of the Hugging Face Hub; fetch it with tune download --repo-type dataset tatsu-lab/alpaca, and set data_files to its JSON, JSONL, CSV, Parquet or text files",
        ((FileDataset) AlpacaDataset.alpaca("tatsu-lab/alpaca", null, true, none))
            .missing()
            .orElseThrow());
    assertEquals(
        "data_files is missing; set it to JSON, JSONL, CSV, Parquet or text files",
        assertThrows(UsageException.class, () -> DataFiles.of("json", List.of()).resolve())
            .getMessage());
    assertEquals(
        "source is 'jsn', expected one of json, csv, parquet, text",
        assertThrows(UsageException.class, () -> AlpacaDataset.alpaca("jsn", null, true, some))
            .getMessage());
  }

  @Test
  void batches_shuffled_everyRowOnceAndTheSameAgain() {
    Batches b = new Batches(10, 4, true, 3);
    assertEquals(3, b.perEpoch());
    List<Integer> first = IntStream.range(0, 3).boxed().flatMap(i -> b.of(0, i).stream()).toList();
    assertEquals(IntStream.range(0, 10).boxed().toList(), first.stream().sorted().toList());
    assertEquals(first, IntStream.range(0, 3).boxed().flatMap(i -> b.of(0, i).stream()).toList());
    assertEquals(2, b.of(1, 2).size());
  }
}

package org.tune4j.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Properties;
import org.duckdb.DuckDBDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.InputException;

/** Tasks and their rows, as files. */
class TaskDataTest {
  @TempDir Path dir;

  private List<JsonNode> rows(String name, String text) throws IOException {
    return TaskData.read(Files.writeString(dir.resolve(name), text), 0);
  }

  @Test
  void read_eachFormatOfTraining_sameRows() throws IOException, SQLException {
    String json = "{\"mc2_targets\": {\"labels\": [1, 0]}, \"question\": \"q\"}\n";
    List<JsonNode> expected = rows("a.jsonl", json);
    assertEquals("[1,0]", expected.get(0).at("/mc2_targets/labels").toString());
    assertEquals(expected, rows("a.json", "\uFEFF[" + json + "]"));
    assertEquals(expected, rows("a", json));
    Path parquet = dir.resolve("a[1].parquet");
    try (Connection db = new DuckDBDriver().connect("jdbc:duckdb:", new Properties());
        Statement s = db.createStatement()) {
      s.execute(
          "COPY (FROM read_json('%s')) TO '%s' (FORMAT parquet)"
              .formatted(dir.resolve("a.jsonl"), parquet));
    }
    assertEquals(expected, TaskData.read(parquet, 0));
    assertEquals("[{\"text\":\"a\"}, {\"text\":\"b\"}]", "" + rows("a.csv", "text\na\nb\n"));
    assertEquals("[{\"text\":\"a\\nb\\n\"}]", "" + rows("a.txt", "\uFEFFa\nb\n"));
  }

  @Test
  void read_limit_stopsBeforeWhatIsBroken() throws IOException {
    Path file =
        Files.writeString(dir.resolve("a.jsonl"), "{\"text\": \"a\"}\n{\"text\": \"b\"}\n{");
    assertEquals(2, TaskData.read(file, 2).size());
    assertTrue(
        assertThrows(InputException.class, () -> TaskData.read(file, 0))
            .getMessage()
            .startsWith(file + ":3:"));
  }

  @Test
  void taskFile_mergeKeys_areRead() throws IOException {
    Path file =
        Files.writeString(
            dir.resolve("own.yaml"),
            "<<: {task: own, output_type: loglikelihood_rolling}\ndoc_to_text: story\n");
    assertEquals(new PerplexityTask("own", "story", null), EvaluationTask.named(file + "", null));
  }

  @Test
  void taskFile_wrong_saidInOneLine() throws IOException {
    StringBuilder many = new StringBuilder();
    for (int i = 0; i < 60_000; i++) {
      many.append("k%05d: 1\n".formatted(i));
    }
    refused(
        many.toString(),
        ": k00000, k00001, k00002, k00003, k00004, k00005, k00006, k00007, k00008, k00009 and 59990"
            + " more is not known");
    StringBuilder growing = new StringBuilder("k0: &k0 [1, 1]\n");
    for (int i = 1; i < 25; i++) {
      growing.append("k%d: &k%d [*k%d, *k%d]\n".formatted(i, i, i - 1, i - 1));
    }
    refused(growing.toString(), " cannot be read: Number of aliases");
    refused("task: a\ntask: b\n", " cannot be read: while constructing a mapping");
  }

  private void refused(String yaml, String message) throws IOException {
    Path file = Files.writeString(dir.resolve("own.yaml"), yaml);
    String said =
        assertThrows(InputException.class, () -> EvaluationTask.named(file + "", null))
            .getMessage();
    assertTrue(said.startsWith("task file " + file + message), said);
  }
}

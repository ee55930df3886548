package org.tune4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.tune4j.data.DatasetTestFiles.files;
import static org.tune4j.data.DatasetTestFiles.open;
import static org.tune4j.data.DatasetTestFiles.write;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.InputException;
import org.tune4j.UsageException;

class PromptDatasetTest {
  @TempDir Path dir;

  private Prompts prompts(String rows, Map<String, String> columns, String system) {
    return (Prompts)
        open(
            PromptDataset.prompts("", columns, system, files(write(dir, "rows.jsonl", rows))), dir);
  }

  @Test
  void row_isAPromptAndItsColumns() {
    Prompts rows =
        prompts(
            "{\"question\": \"Hi?\", \"answer\": 3, \"more\": [1, null]}\n"
                + "{\"question\": [{\"role\": \"user\", \"content\": \"Hi?\"}]}",
            Map.of("prompt", "question"),
            null);
    assertEquals(2, rows.size());
    Prompt first = rows.prompt(0);
    assertEquals("Hi?", first.messages().get(0).content());
    assertEquals("user", first.messages().get(0).role());
    assertEquals("{question=Hi?, answer=3, more=[1, null]}", first.columns().toString());
    assertEquals(
        List.of(first.tokens().length, first.tokens().length), rows.rowLengths().boxed().toList());
    assertEquals(0, rows.get(0).labelCount());
    assertEquals(0, rows.report().fullyMasked());
  }

  @Test
  void systemPrompt_isPutBefore() {
    Prompts rows = prompts("{\"prompt\": \"Hi?\"}", null, "Be brief.");
    assertEquals(
        List.of("system", "user"), rows.prompt(0).messages().stream().map(m -> m.role()).toList());
  }

  @Test
  void fingerprint_dependsOnColumnsToo() {
    assertNotEquals(
        prompts("{\"prompt\": \"Hi?\", \"answer\": \"a\"}", null, null).fingerprint(),
        prompts("{\"prompt\": \"Hi?\", \"answer\": \"b\"}", null, null).fingerprint());
  }

  @Test
  void row_thatEndsWithAnAnswer_isRefused() {
    String message =
        assertThrows(
                InputException.class,
                () ->
                    prompts(
                        "{\"prompt\": [{\"role\": \"user\", \"content\": \"Hi?\"}, {\"role\":"
                            + " \"assistant\", \"content\": \"Yes.\"}]}",
                        null,
                        null))
            .getMessage();
    assertEquals(
        dir.resolve("rows.jsonl")
            + ":1:12: row 1: column 'prompt' ends with an answer, expected a turn to answer",
        message);
  }

  @Test
  void packed_isRefused() {
    FileOptions packed =
        new FileOptions(List.of(dir.resolve("x.jsonl")), true, null, "train", OnBadRow.STOP);
    assertEquals(
        "packed is true, but prompts are not packed; set it to false",
        assertThrows(UsageException.class, () -> PromptDataset.prompts("", null, null, packed))
            .getMessage());
  }
}

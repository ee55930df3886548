package org.tune4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.tune4j.data.DatasetTestFiles.files;
import static org.tune4j.data.DatasetTestFiles.open;
import static org.tune4j.data.DatasetTestFiles.write;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.InputException;
import org.tune4j.data.ChatDataset.Style;
import org.tune4j.tokenizers.Conversation;

/** What is read of a chat row. */
class ChatRowsTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path dir;

  private static Conversation read(Style style, @Nullable String newSystemPrompt, String row)
      throws IOException {
    Map<String, DataRow.Cell> cells = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> e : JSON.readTree(row).properties()) {
      cells.put(e.getKey(), new DataRow.Cell(e.getValue(), DataRow.Place.NONE));
    }
    return new ChatRows(style, style.column, false, newSystemPrompt)
        .conversation(new DataRow(Path.of("r"), 1, DataRow.Place.NONE, cells));
  }

  /** Each message's fields, one a line; those that are trained on begin with a plus. */
  private static String shown(Conversation c) {
    return c.messages().stream()
        .map(m -> (m.masked() ? "" : "+") + m.fields())
        .collect(Collectors.joining("\n"));
  }

  @Test
  void openAi_keysOfTurns_reachTheTemplateAsTheyAre() throws IOException {
    Conversation c =
        read(
            Style.OPENAI,
            null,
            """
            {"messages": [
              {"role": "developer", "content": "d"},
              {"role": "user", "name": "ann", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
              {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]},
              {"role": "tool", "tool_call_id": "1", "content": "t"},
              {"role": "assistant", "tool_calls": [{"n": 1.5}], "name": null},
              {"role": "function", "name": "f", "content": "t"},
              {"content": "c", "reasoning_content": "r", "role": "assistant", "weight": 0},
              {"role": "assistant", "content": "e", "weight": 1.0}],
             "tools": [{"name": "f", "strict": true, "parameters": null}]}
            """);
    assertEquals(
        """
        {role=developer, content=d}
        {role=user, name=ann, content=ab}
        +{role=assistant, content=null, tool_calls=[{id=1, function={name=f, arguments={}}}]}
        {role=tool, tool_call_id=1, content=t}
        +{role=assistant, tool_calls=[{n=1.5}]}
        {role=function, name=f, content=t}
        {content=c, reasoning_content=r, role=assistant, weight=0}
        +{role=assistant, content=e, weight=1.0}""",
        shown(c));
    assertEquals("[{name=f, strict=true, parameters=null}]", String.valueOf(c.tools()));
  }

  @Test
  void shareGpt_whatStandsBesideTheTurns_isReadToo() throws IOException {
    String turns =
        """
        "conversations": [
          {"from": "human", "value": "a"},
          {"from": "function_call", "value": "{\\"name\\": \\"f\\", \\"arguments\\": {\\"x\\": 1}}"},
          {"from": "observation", "value": "o"},
          {"from": "gpt", "value": "b", "weight": 0}]
        """;
    Conversation c =
        read(
            Style.SHAREGPT,
            null,
            "{\"system\": \"s\", \"tools\": \"[{\\\"name\\\": \\\"f\\\"}]\", " + turns + "}");
    String others =
        """
        {role=user, content=a}
        +{role=assistant, content=, tool_calls=[{type=function, function={name=f, arguments={x=1}}}]}
        {role=tool, content=o}
        {role=assistant, content=b, weight=0}""";
    assertEquals("{role=system, content=s}\n" + others, shown(c));
    assertEquals("[{name=f}]", String.valueOf(c.tools()));
    Conversation without =
        read(Style.SHAREGPT, null, "{\"system\": \"\", \"tools\": \"\", " + turns + "}");
    assertEquals(others, shown(without));
    assertNull(without.tools());
    assertEquals(
        "{role=system, content=new}\n" + others,
        shown(read(Style.SHAREGPT, "new", "{\"system\": \"s\", " + turns + "}")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"messages": [{"role": "assistant", "content": "a", "weight": 0.5}]} | column 'messages', turn 1: 'weight' is 0.5, expected 0 or 1
          {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": null}]} | column 'messages', turn 2: 'content' is null, expected text
          {"messages": [{"role": "user", "content": "a"}], "tools": "[{"} | column 'tools' is "[{", expected a list of tools, or its JSON text
          {"messages": [{"role": "user", "content": "a"}], "tools": {"name": "f"}} | column 'tools' is {"name":"f"}, expected a list of tools, or its JSON text
          {"conversations": [{"from": "function_call", "value": "f()"}]} | column 'conversations', turn 1: the call is "f()", expected JSON text of {"name": ..., "arguments": ...}
          {"conversations": [{"from": "system", "value": "a"}], "system": "b"} | column 'system' and turn 1 hold different system texts, expected one; leave one out
          """)
  void wrongRow_saysWhatIsWrong(String row, String message) {
    Style style = row.startsWith("{\"m") ? Style.OPENAI : Style.SHAREGPT;
    assertEquals(
        "r: row 1: " + message,
        assertThrows(InputException.class, () -> read(style, null, row)).getMessage());
  }

  /** The notes are stored with the rows. */
  @Test
  void notes_ofTheTokenizerAndOfUnreadColumns_areCountedAndCached() {
    Path rows =
        write(
            dir,
            "rows.jsonl",
            "{\"messages\": [{\"role\": \"user\", \"content\": \"note\"}], \"id\": 1}",
            "{\"messages\": [{\"role\": \"user\", \"content\": \"note\"}], \"tools\": []}");
    for (String when : List.of("made", "cached")) {
      Dataset data =
          open(
              ChatDataset.chat("", Style.OPENAI, null, true, null, files(rows)),
              dir.resolve("cache"));
      assertEquals(
          "2 rows; 8 tokens, 6 of them trained on%nwarning: 2 rows have something to note%nwarning: 1 row has column 'id', which nothing reads"
              .formatted(),
          data.report().toString(),
          when);
    }
  }
}

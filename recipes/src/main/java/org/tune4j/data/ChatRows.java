package org.tune4j.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.tokenizers.Conversation;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/**
 * Conversations of any number of turns.
 *
 * @param column the turns'
 */
record ChatRows(
    ChatDataset.Style style, String column, boolean trainOnInput, @Nullable String newSystemPrompt)
    implements RowEncoder {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Override
  public TokenizedConversation encode(DataRow row, Tokenizer tokenizer) {
    return tokenizer.tokenize(conversation(row));
  }

  /** What a row says. */
  Conversation conversation(DataRow row) {
    return new Conversation(messages(row), tools(row));
  }

  @Override
  public String settings() {
    return "chat " + List.of(style, column, trainOnInput, String.valueOf(newSystemPrompt));
  }

  private List<Message> messages(DataRow row) {
    List<Message> messages =
        turns(row, row.cell(column, "name it with dataset.conversation_column=NAME"));
    if (newSystemPrompt != null) {
      messages.removeIf(m -> m.role().equals("system"));
    }
    String system = newSystemPrompt == null ? systemBeside(row, messages.get(0)) : newSystemPrompt;
    if (system != null) {
      messages.add(0, new Message("system", system, true));
    }
    return messages;
  }

  /** The turns in a cell, in a list of their own. */
  List<Message> turns(DataRow row, DataRow.Cell turns) {
    if (!turns.value().isArray() || turns.value().isEmpty()) {
      throw row.wrong(
          turns.place(),
          "column '%s' is %s, expected a list of turns"
              .formatted(column, DataRow.shown(turns.value())));
    }
    List<Message> messages = new ArrayList<>();
    int n = 0;
    for (JsonNode turn : turns.value()) {
      try {
        messages.add(message(turn));
      } catch (Wrong e) {
        throw row.wrong(
            turns.place(), "column '%s', turn %d: %s".formatted(column, n + 1, e.getMessage()));
      }
      n++;
    }
    return messages;
  }

  /** ShareGPT's column with a system text; null where there is none, or the first turn has it. */
  private @Nullable String systemBeside(DataRow row, Message first) {
    String system = style == ChatDataset.Style.SHAREGPT ? row.optionalText("system") : null;
    if (system == null || system.isEmpty() || !first.role().equals("system")) {
      return system == null || system.isEmpty() ? null : system;
    }
    if (!first.content().equals(system)) {
      throw row.wrong(
          row.place(),
          "column 'system' and turn 1 hold different system texts, expected one; leave one out");
    }
    return null;
  }

  private static @Nullable Object tools(DataRow row) {
    DataRow.Cell cell = row.optionalCell("tools");
    if (cell == null) {
      return null;
    }
    JsonNode tools = cell.value();
    if (tools.isTextual()) {
      if (tools.asText().isBlank()) {
        return null;
      }
      tools = parsed(tools.asText());
    }
    if (!tools.isArray()) {
      throw row.wrong(
          cell.place(),
          "column 'tools' is %s, expected a list of tools, or its JSON text"
              .formatted(DataRow.shown(cell.value())));
    }
    return JSON.convertValue(tools, Object.class);
  }

  /** What is wrong with a turn. */
  private static final class Wrong extends Exception {
    private static final long serialVersionUID = 1;

    Wrong(String what, JsonNode found, String expected) {
      super(
          "%s is %s, expected %s"
              .formatted(what, found.isMissingNode() ? "missing" : DataRow.shown(found), expected));
    }
  }

  /** A turn whose other keys reach the chat template as they are; null is taken for absent. */
  private Message message(JsonNode turn) throws Wrong {
    JsonNode name = turn.path(style.role);
    String role = style.roles().get(name.asText());
    if (role == null) {
      throw new Wrong(
          "'%s'".formatted(style.role),
          name,
          "one of " + String.join(", ", style.roles().keySet()));
    }
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    boolean calls = name.asText().equals("function_call");
    for (Map.Entry<String, JsonNode> field : turn.properties()) {
      JsonNode value = field.getValue();
      if (field.getKey().equals(style.role)) {
        fields.put("role", role);
      } else if (field.getKey().equals(style.content)) {
        fields.put("content", calls ? "" : content(turn));
      } else if (!value.isNull()) {
        fields.put(field.getKey(), JSON.convertValue(value, Object.class));
      }
    }
    if (calls) {
      fields.put("tool_calls", calls(turn.path(style.content)));
    } else if (!turn.has(style.content)) {
      content(turn);
    }
    boolean answer = role.equals("assistant") || trainOnInput;
    return new Message(fields, !answer || !weighs(turn.path("weight")));
  }

  /** OpenAI's, by which a turn can be left out of the loss. */
  private static boolean weighs(JsonNode weight) throws Wrong {
    if (weight.isMissingNode() || weight.isNull()) {
      return true;
    }
    if (!weight.isNumber() || (weight.asDouble() != 0 && weight.asDouble() != 1)) {
      throw new Wrong("'weight'", weight, "0 or 1");
    }
    return weight.asDouble() == 1;
  }

  /** A turn's text; null where OpenAI's has none beside the tools that it calls. */
  private @Nullable String content(JsonNode turn) throws Wrong {
    JsonNode content = turn.path(style.content);
    if (content.isTextual()) {
      return content.asText();
    }
    boolean openAi = style == ChatDataset.Style.OPENAI;
    if (openAi && content.isArray()) {
      StringBuilder text = new StringBuilder();
      for (JsonNode part : content) {
        if (!part.path("type").asText().equals("text") || !part.path("text").isTextual()) {
          throw new Wrong("a part of its content", part, "text parts only");
        }
        text.append(part.path("text").asText());
      }
      return text.toString();
    }
    boolean absent = content.isMissingNode() || content.isNull();
    if (openAi && absent && (turn.hasNonNull("tool_calls") || turn.hasNonNull("function_call"))) {
      return null;
    }
    throw new Wrong("'%s'".formatted(style.content), content, "text");
  }

  /** ShareGPT's call of a tool, or a list of them, as OpenAI's {@code tool_calls}. */
  private static Object calls(JsonNode text) throws Wrong {
    JsonNode given = parsed(text.asText());
    ArrayNode calls = JSON.createArrayNode();
    for (JsonNode call : given.isArray() ? given : List.of(given)) {
      if (!call.path("name").isTextual() || !call.has("arguments")) {
        throw new Wrong("the call", text, "JSON text of {\"name\": ..., \"arguments\": ...}");
      }
      calls.addObject().put("type", "function").set("function", call);
    }
    return JSON.convertValue(calls, Object.class);
  }

  /** What JSON text says; a missing node where it is none. */
  private static JsonNode parsed(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      return MissingNode.getInstance();
    }
  }
}

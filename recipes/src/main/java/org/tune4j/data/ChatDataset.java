package org.tune4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.tokenizers.Message;

/** Rows that are conversations of any number of turns. */
public final class ChatDataset {
  private ChatDataset() {}

  /** How a conversation's turns are written. */
  public enum Style {
    /** {@code {"from": "human", "value": "..."}}. */
    SHAREGPT("conversations", "from", "value"),
    /** {@code {"role": "user", "content": "..."}}; the content may be a list of text parts. */
    OPENAI("messages", "role", "content");

    private final String column;
    private final String role;
    private final String content;

    Style(String column, String role, String content) {
      this.column = column;
      this.role = role;
      this.content = content;
    }

    /** The roles as a chat template knows them, by the names that rows have for them. */
    private Map<String, String> roles() {
      Map<String, String> roles = new TreeMap<>();
      roles.put("system", "system");
      roles.put("user", "user");
      roles.put("assistant", "assistant");
      if (this == SHAREGPT) {
        roles.put("human", "user");
        roles.put("gpt", "assistant");
      } else {
        roles.put("tool", "tool");
      }
      return roles;
    }
  }

  /**
   * {@return rows of conversations; the assistant's turns are trained on}
   *
   * @param source {@code json}, {@code csv}, {@code parquet} or {@code text}; empty, or a name on
   *     the Hub, which is not fetched, where each file's ending tells
   * @param conversationStyle how turns are written
   * @param conversationColumn the turns' column; null for the style's own, {@code conversations} or
   *     {@code messages}
   * @param trainOnInput whether all other turns are trained on too
   * @param newSystemPrompt a system turn in place of the rows' own, never trained on; null to leave
   *     theirs
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} has another name, or there are no files
   */
  @Component(
      value = "chat_dataset",
      aliases = {"torchtune.datasets.chat_dataset"})
  public static DatasetSpec chat(
      @Doc("json, csv, parquet or text; else each file's ending tells") @Default("''")
          String source,
      @Doc("how turns are written: sharegpt or openai") Style conversationStyle,
      @Doc("the turns' column; without it conversations for sharegpt, messages for openai")
          @Nullable String conversationColumn,
      @Doc("train on the user's turns too") @Default("false") boolean trainOnInput,
      @Doc("a system turn in place of the rows' own") @Nullable String newSystemPrompt,
      @Inline FileOptions files) {
    String column = conversationColumn == null ? conversationStyle.column : conversationColumn;
    return files.dataset(
        new Conversations(
            "chat "
                + List.of(conversationStyle, column, trainOnInput, String.valueOf(newSystemPrompt)),
            row -> messages(row, conversationStyle, column, trainOnInput, newSystemPrompt)),
        source,
        false);
  }

  private static List<Message> messages(
      DataRow row,
      Style style,
      String column,
      boolean trainOnInput,
      @Nullable String newSystemPrompt) {
    DataRow.Cell turns = row.cell(column, "name it with dataset.conversation_column=NAME");
    if (!turns.value().isArray() || turns.value().isEmpty()) {
      throw row.wrong(
          turns.place(),
          "column '%s' is %s, expected a list of turns"
              .formatted(column, DataRow.shown(turns.value())));
    }
    List<Message> messages = new ArrayList<>();
    if (newSystemPrompt != null) {
      messages.add(new Message("system", newSystemPrompt, true));
    }
    Map<String, String> roles = style.roles();
    int n = 0;
    for (JsonNode turn : turns.value()) {
      String where = "column '%s', turn %d: ".formatted(column, ++n);
      JsonNode name = turn.path(style.role);
      String role = roles.get(name.asText());
      if (role == null) {
        throw row.wrong(
            turns.place(),
            "%s'%s' is %s, expected one of %s"
                .formatted(
                    where,
                    style.role,
                    name.isMissingNode() ? "missing" : DataRow.shown(name),
                    String.join(", ", roles.keySet())));
      }
      if (role.equals("system") && newSystemPrompt != null) {
        continue;
      }
      boolean masked = !role.equals("assistant") && !trainOnInput;
      messages.add(new Message(role, content(row, turns, turn, style, where), masked));
    }
    return messages;
  }

  private static String content(
      DataRow row, DataRow.Cell turns, JsonNode turn, Style style, String where) {
    JsonNode content = turn.path(style.content);
    if (content.isTextual()) {
      return content.asText();
    }
    if (style == Style.OPENAI && content.isArray()) {
      StringBuilder text = new StringBuilder();
      for (JsonNode part : content) {
        if (!part.path("type").asText().equals("text") || !part.path("text").isTextual()) {
          throw row.wrong(
              turns.place(),
              "%sits content has a part %s, expected text parts only"
                  .formatted(where, DataRow.shown(part)));
        }
        text.append(part.path("text").asText());
      }
      return text.toString();
    }
    throw row.wrong(
        turns.place(),
        "%s'%s' is %s, expected text"
            .formatted(
                where,
                style.content,
                content.isMissingNode() ? "missing" : DataRow.shown(content)));
  }
}

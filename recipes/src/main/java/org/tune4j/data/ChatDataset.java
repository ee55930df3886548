package org.tune4j.data;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;

/** Rows that are conversations of any number of turns. */
public final class ChatDataset {
  private ChatDataset() {}

  /** How a conversation's turns are written. */
  public enum Style {
    /** {@code {"from": "human", "value": "..."}}. */
    SHAREGPT("conversations", "from", "value"),
    /** {@code {"role": "user", "content": "..."}}; the content may be a list of text parts. */
    OPENAI("messages", "role", "content");

    /** The turns' column, where it has the style's own name. */
    final String column;

    /** The keys of a turn. */
    final String role;

    final String content;

    Style(String column, String role, String content) {
      this.column = column;
      this.role = role;
      this.content = content;
    }

    /** The roles as a chat template knows them, by the names that rows have for them. */
    Map<String, String> roles() {
      Map<String, String> roles = new TreeMap<>();
      for (String role : List.of("system", "user", "assistant", "tool")) {
        roles.put(role, role);
      }
      if (this == SHAREGPT) {
        roles.put("human", "user");
        roles.put("gpt", "assistant");
        roles.put("function_call", "assistant");
        roles.put("observation", "tool");
      } else {
        roles.put("developer", "developer");
        roles.put("function", "function");
      }
      return roles;
    }
  }

  /**
   * {@return rows of conversations; the assistant's turns are trained on, but those of {@code
   * weight} 0}
   *
   * <p>A turn's keys reach the chat template as they are, a column {@code tools} too: a list, or
   * its JSON text. ShareGPT's column {@code system} is the first turn.
   *
   * @param source {@code json}, {@code csv}, {@code parquet} or {@code text}; empty, or a name on
   *     the Hub, which is not fetched, where each file's ending tells
   * @param conversationStyle how turns are written
   * @param conversationColumn the turns' column; null for the style's own, {@code conversations} or
   *     {@code messages}
   * @param trainOnInput whether all other turns are trained on too
   * @param newSystemPrompt a system turn that replaces the rows' own, never trained on; null to
   *     leave theirs
   * @param files which files, and how their rows are taken
   * @throws org.tune4j.UsageException when {@code source} has another name
   */
  @Component(
      value = "chat_dataset",
      aliases = {"torchtune.datasets.chat_dataset"})
  public static DatasetSpec chat(
      @Doc("json, csv, parquet or text; else by each file's extension") @Default("''")
          String source,
      @Doc("format of the turns: sharegpt or openai") Style conversationStyle,
      @Doc("the turns' column; null for conversations (sharegpt) or messages (openai)")
          @Nullable String conversationColumn,
      @Doc("also train on the user's turns") @Default("false") boolean trainOnInput,
      @Doc("a system turn that replaces the rows' own") @Nullable String newSystemPrompt,
      @Inline FileOptions files) {
    String column = conversationColumn == null ? conversationStyle.column : conversationColumn;
    return files.dataset(
        new ChatRows(conversationStyle, column, trainOnInput, newSystemPrompt), source, false);
  }
}

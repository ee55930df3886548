package org.tune4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;

/**
 * Columns that hold a prompt and answers to it. A prompt is a text, which is the user's turn, or a
 * list of turns; an answer is a text, the assistant's turn, or a list of turns that follow the
 * prompt or contain it. A text in the form of Anthropic's HH, {@code "\n\nHuman: ...\n\nAssistant:
 * ..."}, is a list of turns.
 *
 * @param prompt the prompt's column; may be missing
 * @param trainOnInput whether prompts are trained on too
 * @param newSystemPrompt a system turn in place of the rows' own; null to leave theirs
 */
record AnswerColumns(
    ColumnNames names, String prompt, boolean trainOnInput, @Nullable String newSystemPrompt) {
  private static final Pattern TURN = Pattern.compile("\n\n(Human|Assistant):");

  /** The whole conversation that ends with the answer in a column. */
  List<Message> conversation(DataRow row, String column) {
    DataRow.Cell cell = names.cell(row, column);
    List<Message> answer = turns(row, column, cell, "assistant");
    DataRow.Cell asked = names.optionalCell(row, prompt);
    List<Message> all =
        asked != null && answer.get(0).role().equals("assistant")
            ? turns(row, prompt, asked, "user")
            : new ArrayList<>();
    all.addAll(answer);
    if (all.stream().noneMatch(m -> m.role().equals("user"))) {
      throw row.wrong(
          cell.place(),
          "column '%s' answers no turn of a user; name the prompt's column with dataset.column_map.%s=NAME, or write the whole conversation as a list of turns"
              .formatted(names.name(column), prompt));
    }
    Message last = all.get(all.size() - 1);
    if (!last.role().equals("assistant")) {
      throw row.wrong(
          cell.place(),
          "column '%s' ends with a turn of '%s', expected the assistant's"
              .formatted(names.name(column), last.role()));
    }
    if (last.content().isBlank() && !last.fields().containsKey("tool_calls")) {
      throw row.wrong(
          cell.place(),
          "column '%s' holds an empty answer; fill it, or leave such rows out with dataset.on_bad_row=skip"
              .formatted(names.name(column)));
    }
    return withSystemPrompt(all);
  }

  /** The turns of a prompt in a column, of which the last one is to be answered. */
  List<Message> asked(DataRow row) {
    DataRow.Cell cell = names.cell(row, prompt);
    List<Message> all = turns(row, prompt, cell, "user");
    if (all.isEmpty() || all.get(all.size() - 1).role().equals("assistant")) {
      throw row.wrong(
          cell.place(),
          "column '%s' ends with an answer, expected a turn to answer"
              .formatted(names.name(prompt)));
    }
    return withSystemPrompt(all);
  }

  private List<Message> withSystemPrompt(List<Message> all) {
    if (newSystemPrompt != null) {
      all.removeIf(m -> m.role().equals("system"));
      all.add(0, new Message("system", newSystemPrompt, true));
    }
    return all;
  }

  private List<Message> turns(DataRow row, String column, DataRow.Cell cell, String role) {
    JsonNode value = cell.value();
    if (!value.isTextual()) {
      return new ChatRows(ChatDataset.Style.OPENAI, names.name(column), true, null)
          .turns(row, cell);
    }
    String text = value.asText();
    List<Message> turns = new ArrayList<>();
    Matcher next = TURN.matcher(text);
    if (!next.lookingAt()) {
      turns.add(new Message(role, text, false));
      return turns;
    }
    boolean found = next.find(0);
    while (found) {
      String who = next.group(1).equals("Human") ? "user" : "assistant";
      int from = next.end();
      found = next.find();
      String said = text.substring(from, found ? next.start() : text.length()).strip();
      if (found || !said.isEmpty() || role.equals("assistant")) { // a prompt ends with the name
        turns.add(new Message(who, said, false));
      }
    }
    return turns;
  }

  /** Of which nothing before turn {@code from} is trained on, unless prompts are. */
  TokenizedConversation answered(Tokenizer tokenizer, List<Message> turns, int from) {
    List<Message> masked = new ArrayList<>();
    for (int i = 0; i < turns.size(); i++) {
      Message m = turns.get(i);
      boolean answer = i >= from && m.role().equals("assistant");
      masked.add(new Message(m.fields(), m.masked() || !(answer || trainOnInput)));
    }
    return ScoredText.withoutTail(tokenizer.tokenize(masked));
  }

  /** Checks that something of an answer is left. */
  void requireRoom(DataRow row, String column, TokenizedConversation answered, int maxSeqLen) {
    boolean[] masked = answered.masked();
    for (int i = 1; i < Math.min(masked.length, maxSeqLen); i++) {
      if (!masked[i]) {
        return;
      }
    }
    throw row.wrong(
        row.place(),
        "the prompt takes all of tokenizer.max_seq_len=%d, so that nothing is left of column '%s'; raise it, or leave such rows out with dataset.on_bad_row=skip"
            .formatted(maxSeqLen, names.name(column)));
  }
}

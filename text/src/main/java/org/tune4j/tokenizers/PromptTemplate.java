package org.tune4j.tokenizers;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.component.Component;
import org.tune4j.component.Doc;

/**
 * Words around the texts of a conversation, by role. Those around an assistant's text are trained
 * on with it.
 */
public final class PromptTemplate {
  /** What becomes of system messages. */
  private enum SystemText {
    A_TURN,
    INSIDE_USER,
    REFUSED
  }

  /**
   * A message in its words.
   *
   * @param parts laid one after the other; tokenizers read each on its own, as torchtune's do
   */
  record Turn(String role, List<String> parts, boolean masked) {
    String text() {
      return String.join("", parts);
    }
  }

  private static final Set<String> ROLES = Set.of("system", "user", "assistant", "tool", "ipython");

  private final Map<String, List<String>> tags;
  private final SystemText system;

  private PromptTemplate(Map<String, List<String>> tags, SystemText system) {
    this.tags = Map.copyOf(tags);
    this.system = system;
    this.tags.forEach(
        (role, around) -> {
          if (around.size() != 2) {
            throw new UsageException(
                "prompt_template.%s has %d texts, expected two: what comes before and what comes after"
                    .formatted(role, around.size()));
          }
        });
  }

  private static PromptTemplate aroundUser(String before, String after) {
    return new PromptTemplate(Map.of("user", List.of(before, after)), SystemText.A_TURN);
  }

  /**
   * {@return one of one's own: two texts a role, before and after; null for no words around it}
   *
   * @param system around a system text
   * @param user around a user's text
   * @param assistant around an assistant's text; trained on with it
   * @param tool around a tool's text
   * @param ipython torchtune's name for a tool
   * @throws UsageException when a role has not two texts
   */
  @Component(
      value = "prompt_template",
      aliases = {"torchtune.data.PromptTemplate"})
  public static PromptTemplate promptTemplate(
      @Doc("text before and after a system message") @Nullable List<String> system,
      @Doc("text before and after a user's message") @Nullable List<String> user,
      @Doc("text before and after an assistant's message; trained on with it")
          @Nullable List<String> assistant,
      @Doc("text before and after a tool's message") @Nullable List<String> tool,
      @Doc("torchtune's name for a tool") @Nullable List<String> ipython) {
    Map<String, List<String>> tags = new HashMap<>();
    put(tags, "system", system);
    put(tags, "user", user);
    put(tags, "assistant", assistant);
    put(tags, "tool", tool);
    put(tags, "ipython", ipython);
    return new PromptTemplate(tags, SystemText.A_TURN);
  }

  private static void put(
      Map<String, List<String>> tags, String role, @Nullable List<String> around) {
    if (around != null) {
      tags.put(role, List.copyOf(around));
    }
  }

  /** {@return what asks for a correction of grammar, around the user's text} */
  @Component(
      value = "grammar_template",
      aliases = {"torchtune.data.GrammarErrorCorrectionTemplate"})
  public static PromptTemplate grammar() {
    return aroundUser("Correct this to standard English: ", "\n---\nCorrected: ");
  }

  /** {@return what asks for a summary of a dialogue, around the user's text} */
  @Component(
      value = "summarize_template",
      aliases = {"torchtune.data.SummarizeTemplate"})
  public static PromptTemplate summarize() {
    return aroundUser("Summarize this dialogue:\n", "\n---\nSummary:\n");
  }

  /** {@return what asks a question, around the user's text} */
  @Component(
      value = "question_answer_template",
      aliases = {"torchtune.data.QuestionAnswerTemplate"})
  public static PromptTemplate questionAnswer() {
    return aroundUser("Question: ", "\n\nAnswer: ");
  }

  /** {@return ChatML's markers, written out, around system, user and assistant} */
  @Component(
      value = "chatml_template",
      aliases = {"torchtune.data.ChatMLTemplate"})
  public static PromptTemplate chatMl() {
    Map<String, List<String>> tags = new HashMap<>();
    for (String role : List.of("system", "user", "assistant")) {
      tags.put(role, List.of("<|im_start|>" + role + "\n", "<|im_end|>\n"));
    }
    return new PromptTemplate(tags, SystemText.A_TURN);
  }

  /** {@return Llama2 Chat's: the system text inside the user's turn} */
  @Component(
      value = "llama2_chat_template",
      aliases = {"torchtune.models.llama2.Llama2ChatTemplate"})
  public static PromptTemplate llama2Chat() {
    return new PromptTemplate(
        Map.of(
            "system", List.of("<<SYS>>\n", "\n<</SYS>>\n\n"),
            "user", List.of("[INST] ", " [/INST] ")),
        SystemText.INSIDE_USER);
  }

  /** {@return Mistral's, which has no place for a system text} */
  @Component(
      value = "mistral_chat_template",
      aliases = {"torchtune.models.mistral.MistralChatTemplate"})
  public static PromptTemplate mistralChat() {
    return new PromptTemplate(Map.of("user", List.of("[INST] ", " [/INST] ")), SystemText.REFUSED);
  }

  /** Texts as they are. */
  static PromptTemplate none() {
    return new PromptTemplate(Map.of(), SystemText.A_TURN);
  }

  /**
   * {@return the messages with their words around them, for data sets that put them there; a system
   * text that goes inside the user's turn is no message any more}
   *
   * @param messages in their order; masks are kept
   * @throws InputException when a role is unknown or has no place
   */
  public List<Message> apply(List<Message> messages) {
    return turns(messages).stream().map(t -> new Message(t.role(), t.text(), t.masked())).toList();
  }

  /**
   * A conversation's turns.
   *
   * @throws InputException when it has tools, calls them, or has a turn without a text
   */
  List<Turn> turns(Conversation conversation) {
    for (Message m : conversation.messages()) {
      if (conversation.hasTools() || m.callsTools()) {
        throw new InputException(
            "the prompt template has no place for tools and tool_calls; leave them out, or use a tokenizer.json whose chat template shows them");
      }
      if (!(m.fields().get("content") instanceof String)) {
        throw new InputException("a message of role '%s' has no content".formatted(m.role()));
      }
    }
    return turns(conversation.messages());
  }

  /** Notes on what a prompt template does not read. */
  static Set<String> unread(Conversation conversation) {
    Set<String> notes = new LinkedHashSet<>();
    for (Message m : conversation.messages()) {
      m.fields()
          .forEach(
              (key, value) -> {
                if (value != null && !Set.of("role", "content", "weight").contains(key)) {
                  notes.add(TokenizedConversation.unread(key));
                }
              });
    }
    return notes;
  }

  List<Turn> turns(List<Message> messages) {
    List<Turn> turns = new ArrayList<>();
    List<String> systemText = List.of();
    for (Message m : messages) {
      if (!ROLES.contains(m.role())) {
        throw new InputException(
            "role '%s' is not known; accepted are system, user, assistant, tool"
                .formatted(m.role()));
      }
      boolean isSystem = m.role().equals("system");
      if (isSystem && system == SystemText.REFUSED) {
        throw new InputException(
            "the prompt template has no place for a system message; leave it out or put its text into the user's");
      }
      List<String> around = tags.getOrDefault(m.role(), List.of("", ""));
      List<String> parts = new ArrayList<>();
      parts.add(around.get(0));
      if (m.role().equals("user")) {
        parts.addAll(systemText);
      }
      parts.add(m.content());
      parts.add(around.get(1));
      // An added tag that is empty is no part; a message's text is one even where it is empty.
      List<String> kept = new ArrayList<>(parts);
      if (around.get(1).isEmpty()) {
        kept.remove(kept.size() - 1);
      }
      if (around.get(0).isEmpty()) {
        kept.remove(0);
      }
      if (isSystem && system == SystemText.INSIDE_USER) {
        systemText = List.copyOf(kept);
      } else {
        turns.add(new Turn(m.role(), List.copyOf(kept), m.masked()));
      }
    }
    return turns;
  }

  /** All that it depends on. */
  @Override
  public String toString() {
    return new TreeMap<>(tags) + " " + system;
  }
}

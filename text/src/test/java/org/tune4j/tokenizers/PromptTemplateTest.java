package org.tune4j.tokenizers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.tune4j.InputException;
import org.tune4j.UsageException;

/** The words around messages, as torchtune's templates put them. */
class PromptTemplateTest {
  private static final List<Message> TALK =
      List.of(
          new Message("system", "Be kind.", true),
          new Message("user", "Hi", true),
          new Message("assistant", "Hello", false),
          new Message("user", "Bye", true),
          new Message("assistant", "", false));

  private static List<String> texts(PromptTemplate template) {
    return template.apply(TALK).stream().map(Message::content).toList();
  }

  static Stream<Arguments> templates() {
    return Stream.of(
        Arguments.of(PromptTemplate.none(), List.of("Be kind.", "Hi", "Hello", "Bye", "")),
        Arguments.of(
            PromptTemplate.grammar(),
            List.of(
                "Be kind.",
                "Correct this to standard English: Hi\n---\nCorrected: ",
                "Hello",
                "Correct this to standard English: Bye\n---\nCorrected: ",
                "")),
        Arguments.of(
            PromptTemplate.summarize(),
            List.of(
                "Be kind.",
                "Summarize this dialogue:\nHi\n---\nSummary:\n",
                "Hello",
                "Summarize this dialogue:\nBye\n---\nSummary:\n",
                "")),
        Arguments.of(
            PromptTemplate.questionAnswer(),
            List.of(
                "Be kind.", "Question: Hi\n\nAnswer: ", "Hello", "Question: Bye\n\nAnswer: ", "")),
        Arguments.of(
            PromptTemplate.chatMl(),
            List.of(
                "<|im_start|>system\nBe kind.<|im_end|>\n",
                "<|im_start|>user\nHi<|im_end|>\n",
                "<|im_start|>assistant\nHello<|im_end|>\n",
                "<|im_start|>user\nBye<|im_end|>\n",
                "<|im_start|>assistant\n<|im_end|>\n")),
        // The system text goes before every user's that follows, as torchtune has it.
        Arguments.of(
            PromptTemplate.llama2Chat(),
            List.of(
                "[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST] ",
                "Hello",
                "[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nBye [/INST] ",
                "")),
        Arguments.of(
            own(null, List.of("Q: ", "\n"), List.of("A: ", "\n\n")),
            List.of("Be kind.", "Q: Hi\n", "A: Hello\n\n", "Q: Bye\n", "A: \n\n")),
        Arguments.of(
            own(List.of("[", "]"), List.of("", " ->"), null),
            List.of("[Be kind.]", "Hi ->", "Hello", "Bye ->", "")));
  }

  private static PromptTemplate own(
      @Nullable List<String> system, @Nullable List<String> user, @Nullable List<String> reply) {
    return PromptTemplate.promptTemplate(system, user, reply, null, null);
  }

  @ParameterizedTest
  @MethodSource("templates")
  void apply_conversation_wordsAroundEachText(PromptTemplate template, List<String> expected) {
    assertEquals(expected, texts(template));
  }

  @Test
  void apply_anyTemplate_keepsRolesAndMasks() {
    List<Message> put = PromptTemplate.chatMl().apply(TALK);
    assertEquals(
        List.of("system", "user", "assistant", "user", "assistant"),
        put.stream().map(Message::role).toList());
    assertEquals(
        List.of(true, true, false, true, false), put.stream().map(Message::masked).toList());
  }

  /** Tokenizers read each part on its own: an empty word is no part, an empty text is one. */
  @Test
  void turns_parts_areTorchtunes() {
    PromptTemplate template = own(null, List.of("", " ->"), List.of("A: ", ""));
    assertEquals(
        List.of(
            List.of("Be kind."),
            List.of("Hi", " ->"),
            List.of("A: ", "Hello"),
            List.of("Bye", " ->"),
            List.of("A: ", "")),
        template.turns(TALK).stream().map(PromptTemplate.Turn::parts).toList());
  }

  @Test
  void apply_toolsTurn_hasTorchtunesNameToo() {
    PromptTemplate template =
        PromptTemplate.promptTemplate(null, null, null, List.of("<", ">"), List.of("{", "}"));
    assertEquals(
        List.of("<7>", "{7}"),
        template
            .apply(List.of(new Message("tool", "7", true), new Message("ipython", "7", true)))
            .stream()
            .map(Message::content)
            .toList());
  }

  @Test
  void promptTemplate_notTwoTexts_saysWhatIsExpected() {
    for (List<String> around :
        Arrays.asList(List.<String>of(), List.of("a"), List.of("a", "b", "c"))) {
      assertEquals(
          "prompt_template.user has %d texts, expected two: what comes before and what comes after"
              .formatted(around.size()),
          assertThrows(UsageException.class, () -> own(null, around, null)).getMessage());
    }
  }

  @Test
  void apply_roleWithoutPlace_isRefused() {
    assertEquals(
        "the prompt template has no place for a system message; leave it out or put its text into the"
            + " user's",
        assertThrows(InputException.class, () -> texts(PromptTemplate.mistralChat())).getMessage());
    assertEquals(
        "role 'robot' is not known; accepted are system, user, assistant, tool",
        assertThrows(
                InputException.class,
                () -> PromptTemplate.none().apply(List.of(new Message("robot", "x", true))))
            .getMessage());
  }

  @Test
  void turns_ofToolsAndTheirCalls_areRefused() {
    Message ask = new Message("user", "a", true);
    Message call = new Message("assistant", "", false).with("tool_calls", List.of("f"));
    String refusal =
        "the prompt template has no place for tools and tool_calls; leave them out, or use a tokenizer.json whose chat template shows them";
    for (Conversation c :
        List.of(
            new Conversation(List.of(ask), List.of("f")), new Conversation(List.of(ask, call)))) {
      assertEquals(
          refusal,
          assertThrows(InputException.class, () -> PromptTemplate.none().turns(c)).getMessage());
    }
    Conversation plain =
        new Conversation(List.of(ask.with("name", "ann").with("weight", 0)), List.of());
    assertEquals(1, PromptTemplate.none().turns(plain).size());
    assertEquals(Set.of("key 'name' of a turn, which nothing reads"), PromptTemplate.unread(plain));
  }
}

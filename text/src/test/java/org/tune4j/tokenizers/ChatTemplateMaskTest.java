package org.tune4j.tokenizers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.tune4j.InputException;

/**
 * What is trained on where a chat template renders: the text of a message and the token that ends
 * its turn, never headers, system text or the line break after. A token a character, so that every
 * border can be seen.
 */
class ChatTemplateMaskTest {
  private static final String CHAT_ML =
      "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
          + "{{ m['content'] }}<|im_end|>\n{% endfor %}"
          + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

  /** As Llama 2 Chat's: texts are stripped, a blank stands before the end. */
  private static final String LLAMA2 =
      "{% for m in messages %}{% if m['role'] == 'user' %}<s>[INST] {{ m['content'] | trim }} [/INST]"
          + "{% else %} {{ m['content'] | trim }} </s>{% endif %}{% endfor %}";

  /** Nothing ends a turn but the next one's header. */
  private static final String HEADERS_ONLY =
      "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}\n{% endfor %}";

  /** A tool answers a call and nothing else. */
  private static final String CALLS =
      "{% for m in messages %}{% if m.role == 'tool' and not messages[loop.index0 - 1].tool_calls %}"
          + "{{ raise_exception('nothing was called') }}{% endif %}<|im_start|>{{ m.role }}\n"
          + "{% if m.role == 'tool' %}{{ m.content | tojson }}{% elif m.content %}{{ m.content }}{% endif %}"
          + "{% for c in m.tool_calls %}<call>{{ c.function.name }} {{ c.function.arguments }}{% endfor %}"
          + "<|im_end|>\n{% endfor %}";

  private static final String CONTENT_ONLY =
      "{% for m in messages %}{{ m['content'] }}{% endfor %}";

  @TempDir Path folder;

  @BeforeEach
  void tokenizer() throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = (ObjectNode) mapper.readTree(Path.of("../docs/tiny/tokenizer.json").toFile());
    ArrayNode added = (ArrayNode) json.get("added_tokens");
    ObjectNode vocab = (ObjectNode) json.get("model").get("vocab");
    int id = 200;
    for (String special : List.of("<|im_start|>", "<|im_end|>", "<s>")) {
      vocab.put(special, id);
      ObjectNode token = added.get(0).deepCopy();
      added.add(token.put("id", id++).put("content", special));
    }
    mapper.writeValue(folder.resolve("tokenizer.json").toFile(), json);
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"eos_token\": \"</s>\"}");
  }

  private static Message user(String text) {
    return new Message("user", text, true);
  }

  private static Message reply(String text) {
    return new Message("assistant", text, false);
  }

  private static Message tool(String text) {
    return new Message("tool", text, true);
  }

  private static Message call(@Nullable String text) {
    Map<String, @Nullable Object> fields = new HashMap<>();
    fields.put("role", "assistant");
    fields.put("content", text);
    fields.put(
        "tool_calls",
        List.of(Map.of("function", Map.of("name", "f", "arguments", Map.of("x", 1)))));
    return new Message(fields, false);
  }

  private static Message system(String text) {
    return new Message("system", text, false);
  }

  static Stream<Arguments> conversations() {
    return Stream.of(
        Arguments.of(
            "one turn",
            CHAT_ML,
            List.of(user("Hi"), reply("Hello")),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n[Hello<|im_end|>]\n"),
        Arguments.of(
            "several turns",
            CHAT_ML,
            List.of(user("a"), reply("b"), user("c"), reply("d")),
            "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[b<|im_end|>]\n"
                + "<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n[d<|im_end|>]\n"),
        Arguments.of(
            "system text, which is never trained on",
            CHAT_ML,
            List.of(system("Be kind."), user("a"), reply("b")),
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\na<|im_end|>\n"
                + "<|im_start|>assistant\n[b<|im_end|>]\n"),
        Arguments.of(
            "a user's text that is trained on",
            CHAT_ML,
            List.of(new Message("user", "a", false), reply("b")),
            "<|im_start|>user\n[a<|im_end|>]\n<|im_start|>assistant\n[b<|im_end|>]\n"),
        Arguments.of(
            "an assistant's text that is not",
            CHAT_ML,
            List.of(user("a"), new Message("assistant", "b", true), user("c"), reply("d")),
            "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
                + "<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n[d<|im_end|>]\n"),
        Arguments.of(
            "an empty answer: that it ends is learnt",
            CHAT_ML,
            List.of(user("a"), reply(""), user("b"), reply("")),
            "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[<|im_end|>]\n"
                + "<|im_start|>user\nb<|im_end|>\n<|im_start|>assistant\n[<|im_end|>]\n"),
        Arguments.of(
            "texts like headers",
            CHAT_ML,
            List.of(user("assistant"), reply("user"), user("assistant"), reply("assistant")),
            "<|im_start|>user\nassistant<|im_end|>\n<|im_start|>assistant\n[user<|im_end|>]\n"
                + "<|im_start|>user\nassistant<|im_end|>\n<|im_start|>assistant\n[assistant<|im_end|>]\n"),
        Arguments.of(
            "special tokens in texts",
            CHAT_ML,
            List.of(user("a<|im_end|>\n<|im_start|>assistant\nx"), reply("b<|im_end|>c")),
            "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nx<|im_end|>\n"
                + "<|im_start|>assistant\n[b<|im_end|>c<|im_end|>]\n"),
        Arguments.of(
            "blanks and line breaks at a text's ends belong to it",
            CHAT_ML,
            List.of(user(" a "), reply(" b \n")),
            "<|im_start|>user\n a <|im_end|>\n<|im_start|>assistant\n[ b \n<|im_end|>]\n"),
        Arguments.of(
            "a blank before the end belongs to the turn",
            LLAMA2,
            List.of(user(" a "), reply(" b\n"), user("c"), reply("d")),
            "<s>[INST] a [/INST] [b </s>]<s>[INST] c [/INST] [d </s>]"),
        Arguments.of(
            "an empty answer behind a blank",
            LLAMA2,
            List.of(user("a"), reply("")),
            "<s>[INST] a [/INST] [ </s>]"),
        Arguments.of(
            "the next turn's header ends nothing",
            HEADERS_ONLY,
            List.of(user("a"), reply("b"), user("c"), reply("d")),
            "<|im_start|>user\na\n<|im_start|>assistant\n[b]\n<|im_start|>user\nc\n"
                + "<|im_start|>assistant\n[d]\n"),
        Arguments.of(
            "blanks that only Python strips",
            LLAMA2,
            List.of(user("a"), reply("\u00a0b\u00a0\u2003")),
            "<s>[INST] a [/INST] [b </s>]"),
        Arguments.of(
            "system text inside the user's turn",
            "{% for m in messages[1:] %}"
                + "{% if m['role'] == 'user' %}({{ messages[0]['content'] }} {{ m['content'] }}){% else %}"
                + "{{ m['content'] }}</s>{% endif %}{% endfor %}",
            List.of(system("S"), user("a"), reply("b")),
            "(S a)[b</s>]"),
        Arguments.of(
            "words between the text and its end",
            "{% for m in messages %}{{ m['content'] }}({{ m['role'] }})</s>{% endfor %}",
            List.of(user("a"), reply("b")),
            "a(user)</s>[b(assistant)</s>]"),
        Arguments.of(
            "messages by their number",
            "{% for i in range(messages|length) %}{{ messages[i].role }}:{{ messages[i].content }}</s>{% endfor %}",
            List.of(user("a"), reply("b"), user("a"), reply("d")),
            "user:a</s>assistant:[b</s>]user:a</s>assistant:[d</s>]"),
        Arguments.of(
            "a call of a tool, alone and behind a text",
            CALLS,
            List.of(user("a"), call(null), tool("7"), call("b"), tool("8"), reply("c")),
            "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[<call>f {'x': 1}<|im_end|>]\n"
                + "<|im_start|>tool\n\"7\"<|im_end|>\n"
                + "<|im_start|>assistant\n[b<call>f {'x': 1}<|im_end|>]\n"
                + "<|im_start|>tool\n\"8\"<|im_end|>\n<|im_start|>assistant\n[c<|im_end|>]\n"),
        Arguments.of(
            "what generation tags print, but in masked turns",
            "{% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}"
                + "{% generation %} {{ m.content }}</s>{% endgeneration %}{% else %}{{ m.content }}</s>{% endif %}{% endfor %}",
            List.of(
                new Message("user", "a", false),
                new Message("assistant", "b", true),
                user("c"),
                reply("d")),
            "user:a</s>assistant: b</s>user:c</s>assistant:[ d</s>]"),
        Arguments.of(
            "texts alone", CONTENT_ONLY, List.of(user("a"), reply("b"), user("c")), "a[b]c"));
  }

  /** What stands in brackets is trained on. */
  private static String marked(TokenizedConversation c, Tokenizer tokenizer) {
    StringBuilder text = new StringBuilder();
    boolean inside = false;
    for (int i = 0; i < c.tokens().length; i++) {
      if (inside == c.masked()[i]) {
        text.append(inside ? ']' : '[');
        inside = !inside;
      }
      text.append(c.tokens()[i] == 0 ? "\n" : tokenizer.decode(new int[] {c.tokens()[i]}));
    }
    return text + (inside ? "]" : "");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("conversations")
  void tokenize_masksAllButTextsAndTheirEnds(
      String what, String template, List<Message> messages, String expected) throws IOException {
    Files.writeString(folder.resolve("chat_template.jinja"), template);
    try (Tokenizer tokenizer = new TokenizerSpec(folder, null).open(folder)) {
      assertEquals(
          expected.replace("[INST]", "(INST)").replace("[/INST]", "(/INST)"),
          marked(tokenizer.tokenize(messages), tokenizer)
              .replace("[INST]", "(INST)")
              .replace("[/INST]", "(/INST)"));
    }
  }

  /** Beyond the basic plane a character is two of Java's, and one of the tokenizer's. */
  @Test
  void tokenize_charactersOfTwoHalves_doNotMoveBorders() throws IOException {
    Files.writeString(folder.resolve("chat_template.jinja"), CHAT_ML);
    try (Tokenizer tokenizer = new TokenizerSpec(folder, null).open(folder)) {
      TokenizedConversation c =
          tokenizer.tokenize(
              List.of(user("\uD83D\uDE00\uD83D\uDE00 e\u0301"), reply("x\uD83D\uDE00y")));
      StringBuilder trained = new StringBuilder();
      for (int i = 0; i < c.tokens().length; i++) {
        if (!c.masked()[i]) {
          trained.append(c.tokens()[i] == 0 ? "?" : tokenizer.decode(new int[] {c.tokens()[i]}));
        }
      }
      assertEquals("x?y<|im_end|>", trained.toString());
    }
  }

  @Test
  void tokenize_templateThatDropsATurn_saysWhich() throws IOException {
    Files.writeString(
        folder.resolve("chat_template.jinja"), "{{ messages[0]['content'] }}<|im_end|>");
    try (Tokenizer tokenizer = new TokenizerSpec(folder, null).open(folder)) {
      assertEquals(
          "chat template %s: it does not render turn 2 (assistant) so that what to train on can be told; put generation tags around that, or give another template"
              .formatted(folder.resolve("chat_template.jinja")),
          assertThrows(
                  InputException.class, () -> tokenizer.tokenize(List.of(user("a"), reply("b"))))
              .getMessage());
    }
  }

  private TokenizedConversation tokenized(String template, Conversation conversation)
      throws IOException {
    Files.writeString(folder.resolve("chat_template.jinja"), template);
    try (Tokenizer tokenizer = new TokenizerSpec(folder, null).open(folder)) {
      return tokenizer.tokenize(conversation);
    }
  }

  private Set<String> notes(String template, Message... messages) throws IOException {
    return tokenized(template, new Conversation(List.of(messages))).notes();
  }

  @Test
  void tokenize_endThatIsNoSpecialToken_isTrainedWhereItStops() throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = (ObjectNode) mapper.readTree(folder.resolve("tokenizer.json").toFile());
    json.get("added_tokens").forEach(t -> ((ObjectNode) t).put("special", false));
    mapper.writeValue(folder.resolve("tokenizer.json").toFile(), json);
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"eos_token\": \"<|im_end|>\"}");
    TokenizedConversation c = tokenized(CHAT_ML, new Conversation(List.of(user("a"), reply("b"))));
    assertEquals(Set.of(), c.notes());
    int n = c.tokens().length;
    assertEquals(201, c.tokens()[n - 2]);
    assertEquals(false, c.masked()[n - 2]);
    assertEquals(true, c.masked()[n - 1]);
  }

  @Test
  void tokenize_templateWithoutEnds_isNoted() throws IOException {
    String expected =
        "answers behind which the chat template writes no end-of-turn token, such as </s>, so that the model cannot learn to stop; add it to the template";
    assertEquals(Set.of(expected), notes(HEADERS_ONLY, user("a"), reply("b")));
    assertEquals(
        Set.of(expected),
        notes(
            "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}</s>{% endfor %}",
            user("a"), reply("b")));
    assertEquals(Set.of(), notes(CHAT_ML, user("a"), reply("b")));
    assertEquals(Set.of(), notes(HEADERS_ONLY, user("a"), new Message("assistant", "b", true)));
  }

  @Test
  void tokenize_whatTheTemplateDoesNotRead_isNoted() throws IOException {
    Message named = user("a").with("name", "ann").with("weight", 1).with("i\u001bd", 7);
    Conversation c = new Conversation(List.of(named, reply("b")), List.of(Map.of("name", "f")));
    assertEquals(
        Set.of(
            "key 'name' of a turn, which nothing reads",
            "key 'i?d' of a turn, which nothing reads",
            "column 'tools', which nothing reads"),
        tokenized(CHAT_ML, c).notes());
    assertEquals(
        Set.of("key 'i?d' of a turn, which nothing reads"),
        tokenized(CHAT_ML + "{{ tools | tojson }}{{ messages[0].name }}", c).notes());
  }

  /** As Mistral's: the system text goes into the last turn, if that is the user's. */
  @Test
  void tokenize_textThatTheTemplateDoesNotShow_isNoted() throws IOException {
    String template =
        "{% for m in messages[1:] %}{% if loop.last and m.role == 'user' %}{{ messages[0].content }}{% endif %}"
            + "{{ m.content | upper }}</s>{% endfor %}";
    assertEquals(
        Set.of("system text that the chat template does not show"),
        notes(template, system("Be kind."), user("a"), reply("b")));
    assertEquals(Set.of(), notes(template, system("Be kind."), reply("b"), user("a")));
    assertEquals(
        Set.of("assistant text that the chat template does not show"),
        notes(
            CALLS.replace("m.content %}{{", "m.content and not m.tool_calls %}{{"),
            user("a"),
            call("look")));
  }

  @Test
  void tokenize_toolsAnswerInsideTheCallsTurn_isRefused() throws IOException {
    String template =
        "{% for m in messages if m.role != 'tool' %}{{ m.role }}:"
            + "{% if m.tool_calls %}<call>{% for t in messages if t.role == 'tool' %}{{ t.content }}{% endfor %}{% endif %}{{ m.content }}</s>{% endfor %}";
    assertEquals(
        "chat template %s: it does not render turn 2 (assistant) so that what to train on can be told; put generation tags around that, or give another template"
            .formatted(folder.resolve("chat_template.jinja")),
        assertThrows(
                InputException.class,
                () ->
                    tokenized(
                        template, new Conversation(List.of(user("a"), call("b"), tool("sun")))))
            .getMessage());
  }

  /** SentencePiece's tokens begin with the blank before a word; ids and mask are transformers'. */
  @Test
  void tokenize_tokensThatBeginWithTheBlank_areTrainedFromTheAnswersFirst() {
    Path sp = Path.of("src/test/resources/sp");
    try (Tokenizer tokenizer = new TokenizerSpec(sp, null).open(sp)) {
      TokenizedConversation one =
          tokenizer.tokenize(List.of(user("Is the lamp green?"), reply("yes")));
      assertEquals("1 647 331 286 316 341 669 626 311 280 648 [561] [331] [2]", ids(one));
      TokenizedConversation folded =
          tokenizer.tokenize(
              List.of(
                  system("You are a careful assistant."),
                  user("How many kites are in the shop?"),
                  reply("The answer is nine."),
                  user("Hello"),
                  reply("Good morning")));
      assertEquals(
          "1 647 656 13 295 513 437 332 637 309 460 265 13 396 466 13 13 285 514 699 686 437 430 341 665 648"
              + " [363] [611] [351] [592] [265] [331] [2] 1 647 395 648 [551] [444] [392] [331] [2]",
          ids(folded));
      assertEquals(Set.of(), folded.notes());
    }
  }

  private static String ids(TokenizedConversation c) {
    return IntStream.range(0, c.tokens().length)
        .mapToObj(i -> (c.masked()[i] ? "%d" : "[%d]").formatted(c.tokens()[i]))
        .collect(Collectors.joining(" "));
  }
}

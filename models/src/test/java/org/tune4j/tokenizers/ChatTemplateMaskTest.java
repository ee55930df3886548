package org.tune4j.tokenizers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
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
          "chat template %s: it does not render turn 2 (assistant) so that what to train on can be told; give another template"
              .formatted(folder.resolve("chat_template.jinja")),
          assertThrows(
                  InputException.class, () -> tokenizer.tokenize(List.of(user("a"), reply("b"))))
              .getMessage());
    }
  }
}

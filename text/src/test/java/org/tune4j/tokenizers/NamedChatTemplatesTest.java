package org.tune4j.tokenizers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;

/** Folders with several chat templates; which one is taken is as in transformers. */
class NamedChatTemplatesTest {
  @TempDir Path folder;

  private String rendered(@Nullable Object tools) throws IOException {
    Conversation c = new Conversation(List.of(new Message("user", "hi", true)), tools);
    return ChatTemplate.beside(folder, null).render(c, false).text();
  }

  private void config(String templates) throws IOException {
    Files.writeString(
        folder.resolve("tokenizer_config.json"), "{\"chat_template\": %s}".formatted(templates));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"rag\": \"{% nonsense\", \"default\": \"plain {{ messages[0].content }}\", \"tool_use\": \"tools {{ tools | length }}\"}",
        "[{\"name\": \"default\", \"template\": \"plain {{ messages[0].content }}\"}, {\"name\": \"tool_use\", \"template\": \"tools {{ tools | length }}\"}]"
      })
  void beside_severalInTheConfig_takesDefaultOrToolUse(String templates) throws IOException {
    config(templates);
    assertEquals("plain hi", rendered(null));
    assertEquals("tools 1", rendered(List.of(Map.of("name", "f"))));
  }

  @Test
  void beside_onlyDefault_isUsedForToolsToo() throws IOException {
    config("{\"default\": \"plain {{ tools | length }}\"}");
    assertEquals("plain 1", rendered(List.of(Map.of("name", "f"))));
  }

  @Test
  void beside_fileForToolUse_isFound() throws IOException {
    config("\"not this\"");
    Files.writeString(folder.resolve("chat_template.jinja"), "plain");
    Path more = Files.createDirectory(folder.resolve("additional_chat_templates"));
    Files.writeString(more.resolve("tool_use.jinja"), "tools");
    assertEquals("plain", rendered(null));
    assertEquals("tools", rendered(List.of()));
  }

  @Test
  void beside_fileThatIsNoText_saysWhich() throws IOException {
    Path file = folder.resolve("chat_template.jinja");
    Files.write(file, new byte[] {'a', (byte) 0xe9, 'b'});
    assertEquals(
        "chat template %s is not UTF-8; convert it".formatted(file),
        assertThrows(InputException.class, () -> rendered(null)).getMessage());
    Files.writeString(file, "\uFEFFplain");
    assertEquals("plain", rendered(null));
  }

  @Test
  void render_noneCalledDefault_saysWhichThereAre() throws IOException {
    config("{\"rag\": \"a\", \"tool_use\": \"b\"}");
    assertEquals(
        "%s has the chat templates rag, tool_use, expected one called default; set tokenizer.chat_template to a Jinja file"
            .formatted(folder.resolve("tokenizer_config.json")),
        assertThrows(InputException.class, () -> rendered(null)).getMessage());
  }
}

package org.tune4j.tokenizers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.interpret.RenderResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.InputException;

/**
 * A model's Jinja chat template, rendered as transformers does: blocks' own line breaks are
 * dropped.
 */
final class ChatTemplate {
  private final Path source;
  private final String template;
  private final Map<String, String> specialTokens;
  private final Jinjava jinjava =
      new Jinjava(JinjavaConfig.newBuilder().withTrimBlocks(true).withLstripBlocks(true).build());

  private ChatTemplate(Path source, String template, Map<String, String> specialTokens) {
    this.source = source;
    this.template = template;
    this.specialTokens = specialTokens;
  }

  /** {@code chat_template.jinja}, or {@code tokenizer_config.json}'s {@code chat_template}. */
  static ChatTemplate beside(Path folder) throws IOException {
    Path config = folder.resolve("tokenizer_config.json");
    Map<String, String> special = new HashMap<>();
    String template = "";
    if (Files.isRegularFile(config)) {
      JsonNode json = new ObjectMapper().readTree(config.toFile());
      for (String name : List.of("bos_token", "eos_token", "pad_token", "unk_token")) {
        JsonNode token = json.path(name);
        special.put(name, token.isObject() ? token.path("content").asText() : token.asText(""));
      }
      template = json.path("chat_template").asText("");
    }
    Path file = folder.resolve("chat_template.jinja");
    if (Files.isRegularFile(file)) {
      return new ChatTemplate(file, Files.readString(file), special);
    }
    return new ChatTemplate(config, template, special);
  }

  String render(List<Message> messages, boolean addGenerationPrompt) {
    if (template.isEmpty()) {
      throw new InputException(
          "%s has no chat_template; put the model's chat_template.jinja beside it"
              .formatted(source));
    }
    Map<String, Object> values = new HashMap<>(specialTokens);
    values.put(
        "messages",
        messages.stream().map(m -> Map.of("role", m.role(), "content", m.content())).toList());
    values.put("add_generation_prompt", addGenerationPrompt);
    RenderResult result = jinjava.renderForResult(template, values);
    if (result.hasErrors()) {
      throw new InputException(
          "chat template %s cannot be rendered: %s"
              .formatted(source, result.getErrors().get(0).getMessage()));
    }
    return result.getOutput();
  }
}

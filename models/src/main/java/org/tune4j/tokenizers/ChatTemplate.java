package org.tune4j.tokenizers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.jinja.StrftimeNow;
import org.tune4j.jinja.Template;
import org.tune4j.jinja.TemplateException;

/**
 * A model's Jinja chat template with its special tokens, rendered as transformers' {@code
 * apply_chat_template} does.
 */
final class ChatTemplate {
  private final Path source;
  private final @Nullable Template template;
  private final String text;
  private final Map<String, String> specialTokens;
  private final Clock clock;

  private ChatTemplate(
      Path source,
      @Nullable Template template,
      String text,
      Map<String, String> specialTokens,
      Clock clock) {
    this.source = source;
    this.template = template;
    this.text = text;
    this.specialTokens = specialTokens;
    this.clock = clock;
  }

  /**
   * The file given, {@code chat_template.jinja}, or {@code tokenizer_config.json}'s {@code
   * chat_template}. A folder with none of these is no error until something is rendered.
   *
   * @param own null for the folder's
   * @throws InputException when the file given does not exist
   */
  static ChatTemplate beside(Path folder, @Nullable Path own) throws IOException {
    Path config = folder.resolve("tokenizer_config.json");
    if (own != null && !Files.isRegularFile(own)) {
      throw new InputException(
          "chat template %s does not exist; set tokenizer.chat_template to a Jinja file"
              .formatted(own));
    }
    Path file = own != null ? own : folder.resolve("chat_template.jinja");
    String text = Files.isRegularFile(file) ? Files.readString(file) : "";
    JsonNode json = read(config);
    if (text.isEmpty()) {
      text = inConfig(json.path("chat_template"));
      file = text.isEmpty() ? file : config;
    }
    Map<String, String> special = TokenizerConfig.beside(folder).specialTokens();
    return text.isEmpty()
        ? new ChatTemplate(file, null, "", special, Clock.system(ZoneId.systemDefault()))
        : of(file, text, special, Clock.system(ZoneId.systemDefault()));
  }

  private static JsonNode read(Path file) throws IOException {
    return Files.isRegularFile(file)
        ? new ObjectMapper().readTree(file.toFile())
        : MissingNode.getInstance();
  }

  /** A text, or a list of named ones of which {@code default} is meant. */
  private static String inConfig(JsonNode template) {
    for (JsonNode named : template) {
      if (named.path("name").asText().equals("default")) {
        return named.path("template").asText();
      }
    }
    return template.isTextual() ? template.asText() : "";
  }

  static ChatTemplate of(Path source, String text, Map<String, String> special, Clock clock) {
    try {
      return new ChatTemplate(source, Template.parse(text), text, special, clock);
    } catch (TemplateException e) {
      throw failure(source, e);
    }
  }

  private static InputException failure(Path source, TemplateException e) {
    String reason = String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
    return new InputException(
        "chat template %s, line %d: %s".formatted(source, Math.max(1, e.line()), reason), e);
  }

  /** The template as written; empty where there is none. */
  String text() {
    return text;
  }

  /** {@code eos_token}'s text and the like, or nothing. */
  @Nullable String specialToken(String name) {
    return specialTokens.get(name);
  }

  String render(List<Message> messages, boolean addGenerationPrompt) {
    if (template == null) {
      throw new InputException(
          "%s does not exist and tokenizer_config.json has no chat_template; set tokenizer.chat_template to a Jinja file, or, with the model's tokenizer.model, tokenizer._component_ to llama2_tokenizer, mistral_tokenizer or llama3_tokenizer"
              .formatted(source));
    }
    Map<String, @Nullable Object> values = new HashMap<>(specialTokens);
    values.put(
        "messages",
        messages.stream().map(m -> Map.of("role", m.role(), "content", m.content())).toList());
    values.put("tools", null);
    values.put("documents", null);
    values.put("add_generation_prompt", addGenerationPrompt);
    values.put("strftime_now", new StrftimeNow(clock));
    try {
      return template.render(values);
    } catch (TemplateException e) {
      throw failure(source, e);
    }
  }
}

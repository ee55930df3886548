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
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.TextFile;
import org.tune4j.jinja.Rendering;
import org.tune4j.jinja.StrftimeNow;
import org.tune4j.jinja.Template;
import org.tune4j.jinja.TemplateException;

/**
 * A model's Jinja chat template with its special tokens, rendered as transformers' {@code
 * apply_chat_template} does.
 */
final class ChatTemplate {
  private static final String DEFAULT = "default";
  private static final String TOOL_USE = "tool_use";

  private final Path source;
  private final Map<String, Template> templates;
  private final Map<String, String> texts;
  private final Map<String, String> specialTokens;
  private final Clock clock;

  private ChatTemplate(
      Path source, Map<String, String> texts, Map<String, String> specialTokens, Clock clock) {
    this.source = source;
    this.texts = texts;
    this.specialTokens = specialTokens;
    this.clock = clock;
    this.templates = new HashMap<>();
    texts.forEach(
        (name, text) -> {
          if (name.equals(DEFAULT) || name.equals(TOOL_USE)) {
            templates.put(name, parse(text));
          }
        });
  }

  /**
   * The file given, {@code chat_template.jinja}, or {@code tokenizer_config.json}'s {@code
   * chat_template}: a text, or named ones of which {@code tool_use} is meant where there are tools
   * and {@code default} elsewhere. A folder with none of these is no error until something is
   * rendered.
   *
   * @param own null for the folder's
   * @throws InputException when the file given does not exist, or a template cannot be read
   */
  static ChatTemplate beside(Path folder, @Nullable Path own) throws IOException {
    Path config = folder.resolve("tokenizer_config.json");
    if (own != null && !Files.isRegularFile(own)) {
      throw new InputException(
          "chat template %s does not exist; set tokenizer.chat_template to a Jinja file"
              .formatted(own));
    }
    Path file = own != null ? own : folder.resolve("chat_template.jinja");
    JsonNode json = read(config);
    Map<String, String> texts = new LinkedHashMap<>();
    if (Files.isRegularFile(file)) {
      Path toolUse = folder.resolve("additional_chat_templates").resolve(TOOL_USE + ".jinja");
      texts.put(DEFAULT, TextFile.read(file, "chat template"));
      if (own == null && Files.isRegularFile(toolUse)) {
        texts.put(TOOL_USE, TextFile.read(toolUse, "chat template"));
      }
    }
    texts.values().removeIf(String::isEmpty);
    if (texts.isEmpty()) {
      texts = inConfig(json.path("chat_template"));
      file = texts.isEmpty() ? file : config;
    }
    Map<String, String> special = TokenizerConfig.beside(folder).specialTokens();
    return new ChatTemplate(file, texts, special, Clock.system(ZoneId.systemDefault()));
  }

  private static JsonNode read(Path file) throws IOException {
    return Files.isRegularFile(file)
        ? new ObjectMapper().readTree(file.toFile())
        : MissingNode.getInstance();
  }

  /** A text, or named ones: a list of names and texts, or a map. */
  private static Map<String, String> inConfig(JsonNode given) {
    Map<String, String> texts = new LinkedHashMap<>();
    if (given.isTextual()) {
      texts.put(DEFAULT, given.asText());
    }
    given.properties().forEach(named -> texts.put(named.getKey(), named.getValue().asText()));
    if (given.isArray()) {
      given.forEach(
          named -> texts.put(named.path("name").asText(), named.path("template").asText()));
    }
    texts.values().removeIf(String::isEmpty);
    return texts;
  }

  static ChatTemplate of(Path source, String text, Map<String, String> special, Clock clock) {
    return new ChatTemplate(source, Map.of(DEFAULT, text), special, clock);
  }

  private Template parse(String text) {
    try {
      return Template.parse(text);
    } catch (TemplateException e) {
      throw failure(e);
    }
  }

  private InputException failure(TemplateException e) {
    String reason = String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
    return new InputException(
        "chat template %s, line %d: %s".formatted(source, Math.max(1, e.line()), reason), e);
  }

  /** What is to be thrown where the template does not suit a conversation. */
  InputException failure(String why) {
    return new InputException("chat template %s: %s".formatted(source, why));
  }

  /** The templates as written; empty where there is none. */
  String text() {
    return texts.isEmpty() ? "" : texts.toString();
  }

  /** {@code eos_token}'s text and the like, or nothing. */
  @Nullable String specialToken(String name) {
    return specialTokens.get(name);
  }

  /** Renders a conversation; the rendering's items are the messages. */
  Rendering render(Conversation conversation, boolean addGenerationPrompt) {
    Map<String, @Nullable Object> values = new HashMap<>(specialTokens);
    values.put("messages", conversation.messages().stream().map(Message::fields).toList());
    values.put("tools", conversation.tools());
    values.put("documents", null);
    values.put("add_generation_prompt", addGenerationPrompt);
    values.put("strftime_now", new StrftimeNow(clock));
    try {
      return chosen(conversation.tools() != null).render(values, "messages");
    } catch (TemplateException e) {
      throw failure(e);
    }
  }

  private Template chosen(boolean forTools) {
    Template template =
        templates.get(forTools && templates.containsKey(TOOL_USE) ? TOOL_USE : DEFAULT);
    if (template != null) {
      return template;
    }
    throw new InputException(
        templates.isEmpty()
            ? "%s does not exist and tokenizer_config.json has no chat_template; set tokenizer.chat_template to a Jinja file, or, with the model's tokenizer.model, tokenizer._component_ to llama2_tokenizer, mistral_tokenizer or llama3_tokenizer"
                .formatted(source)
            : "%s has the chat templates %s, expected one called default; set tokenizer.chat_template to a Jinja file"
                .formatted(source, String.join(", ", texts.keySet())));
  }
}

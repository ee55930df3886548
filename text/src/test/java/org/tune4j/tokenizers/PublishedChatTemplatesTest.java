package org.tune4j.tokenizers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.tune4j.InputException;

/**
 * Templates as published, against what {@code src/test/python/render_chat_templates.py} wrote of
 * transformers' renderings: {@code -Dtune4j.chatTemplates=DIR}. Writes {@code
 * docs/chat-templates.md}.
 */
class PublishedChatTemplatesTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path REPORT = Path.of("../docs/chat-templates.md");

  @Test
  void render_templatesAsPublished_equalsTransformers() throws IOException {
    String dir = System.getProperty("tune4j.chatTemplates", "");
    assumeTrue(!dir.isEmpty(), "skipped: -Dtune4j.chatTemplates=DIR is not given");
    Path folder = Path.of(dir);
    JsonNode golden = JSON.readTree(folder.resolve("expected.json").toFile());
    List<String> table = new ArrayList<>();
    List<String> differences = new ArrayList<>();
    int equal = 0;
    int total = 0;
    for (Iterator<Map.Entry<String, JsonNode>> it = golden.get("rendered").properties().iterator();
        it.hasNext(); ) {
      Map.Entry<String, JsonNode> template = it.next();
      int same = 0;
      int refused = 0;
      for (JsonNode expected : template.getValue()) {
        String difference = difference(folder.resolve(template.getKey()), golden, expected);
        if (difference.isEmpty()) {
          same++;
          refused += expected.has("error") ? 1 : 0;
        } else {
          differences.add("`%s`, %s".formatted(template.getKey(), difference));
        }
      }
      int n = template.getValue().size();
      table.add("| %s | %d of %d | %d |".formatted(template.getKey(), same, n, refused));
      equal += same;
      total += n;
    }
    assertTrue(total > 0, "no renderings in " + folder);
    Files.writeString(REPORT, report(golden, table, differences, equal, total));
    assertEquals(List.of(), differences, equal + " of " + total + " equal");
  }

  private static String difference(Path file, JsonNode golden, JsonNode expected)
      throws IOException {
    String conversation = expected.get("conversation").asText();
    boolean prompt = expected.get("add_generation_prompt").asBoolean();
    List<Message> messages = new ArrayList<>();
    for (JsonNode m : golden.get("conversations").get(conversation)) {
      messages.add(new Message(m.get("role").asText(), m.get("content").asText(), false));
    }
    Map<String, String> special = new java.util.HashMap<>();
    golden.get("special").properties().forEach(e -> special.put(e.getKey(), e.getValue().asText()));
    Clock clock =
        Clock.fixed(
            LocalDateTime.parse(golden.get("now").asText()).toInstant(ZoneOffset.UTC),
            ZoneOffset.UTC);
    String where = conversation + (prompt ? " with" : " without") + " generation prompt: ";
    try {
      String text =
          ChatTemplate.of(file, Files.readString(file), special, clock)
              .render(new Conversation(messages), prompt)
              .text();
      if (expected.has("error")) {
        return where + "rendered, where transformers says " + expected.get("error").asText();
      }
      String wanted = expected.get("text").asText();
      int i = 0;
      while (i < Math.min(text.length(), wanted.length()) && text.charAt(i) == wanted.charAt(i)) {
        i++;
      }
      return text.equals(wanted)
          ? ""
          : "%sfrom character %d %s, transformers %s"
              .formatted(where, i, part(text, i), part(wanted, i));
    } catch (InputException e) {
      return expected.has("error")
          ? ""
          : where + String.valueOf(e.getMessage()).replace(file.getParent() + "/", "");
    }
  }

  private static String part(String text, int from) throws IOException {
    return JSON.writeValueAsString(text.substring(from, Math.min(text.length(), from + 40)));
  }

  private static String report(
      JsonNode golden, List<String> table, List<String> differences, int equal, int total) {
    return """
        # Chat templates
        Tune4J renders chat templates with its own interpreter (`org.tune4j.jinja`). This page compares it with transformers %s (jinja2
        %s) on the folder `models/templates` of llama.cpp's repository: %d templates and %d conversations, each with and without a
        generation prompt, without tools. %d of %d renderings are equal. A rendering that both reject counts as equal: such a template
        calls `raise_exception` or requires tools. Column *rejected* counts them.

        To regenerate this page, with DIR being that folder:

        ```sh
        python text/src/test/python/render_chat_templates.py DIR
        ./mvnw -pl text -am test -Dtest=PublishedChatTemplatesTest -Dtune4j.chatTemplates=DIR -Dsurefire.failIfNoSpecifiedTests=false
        ```

        ## Trained tokens
        An answer is trained on from its first character to the token that ends its turn, including every token that overlaps it:
        SentencePiece's `▁yes` starts with the space before the answer. Headers, system text and the line break after a turn are not
        trained on.

        - To find an answer, the conversation is rendered a second time with a marker in place of the turn's text, `tool_calls` and
          `reasoning_content`. What is the same before and after it belongs to the template. The template can strip or escape the text, and
          can merge or omit turns that are not trained on.
        - A turn ends with the added token directly after the answer, whether or not it is marked special. Otherwise it ends with the first
          token that ends generation (`eos_token`, or `eos_token_id` of `generation_config.json`), or else the first special token, among
          those the template prints for the turn.
        - A template with `{%% generation %%}` tags decides itself: exactly what they enclose is trained on, except turns with `weight: 0`.
        - A row whose answer is not rendered, or has a tool's answer inside it, is rejected. Use generation tags for such templates.

        `tune run` and `tune data inspect` warn once, with the number of rows, if a template writes no end-of-turn token after an answer,
        does not render a text (Mistral's renders the system text only if the last turn is the user's), or does not use a key of a turn or
        `tools`.

        `tokenizer_config.json` can contain several templates, as a list or by name, and `additional_chat_templates` more. As in
        transformers, `tool_use` is used for rows with `tools` and `default` for all others.

        ## Differences
        %s

        ## Results
        | template | equal | rejected |
        |---|---|---|
        %s
        """
        .formatted(
            golden.get("transformers").asText(),
            golden.get("jinja2").asText(),
            table.size(),
            golden.get("conversations").size(),
            equal,
            total,
            differences.isEmpty()
                ? "None in these. Elsewhere, tuples print as lists: `['a', 'x']` where jinja2 prints `('a', 'x')`."
                : String.join("\n", differences.stream().map(d -> "- " + d).toList()),
            String.join("\n", table));
  }
}

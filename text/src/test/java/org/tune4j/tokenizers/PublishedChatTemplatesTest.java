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
        # Chat templates as published
        Tune4J renders chat templates with its own interpreter (`org.tune4j.jinja`), compared here with transformers %s
        (jinja2 %s) on the folder `models/templates` of llama.cpp's repository: %d templates, %d conversations, each
        with and without a generation prompt, without tools. %d of %d renderings are equal, a refusal by both counted
        as equal: a template that calls `raise_exception`, or that cannot do without tools. Refused says how many of a
        template's renderings that are.

        To write this page again, with DIR that folder:

        ```sh
        python text/src/test/python/render_chat_templates.py DIR
        ./mvnw -pl text -am test -Dtest=PublishedChatTemplatesTest -Dtune4j.chatTemplates=DIR -Dsurefire.failIfNoSpecifiedTests=false
        ```

        ## What is trained on
        An answer is trained on from its first character to the token that ends its turn, and so is every token that overlaps
        them: SentencePiece's `▁yes` begins with the blank before the answer. Headers, system text and the line break behind a
        turn are not trained on.

        - Where an answer lies is found by rendering the conversation again with a marker in place of what the turn says: its
          text, `tool_calls` and `reasoning_content`. What stays the same before and behind is the template's. The text may be
          stripped or escaped on the way, and turns that are not trained on may be folded into others or left out.
        - A turn ends with the added token right behind it, marked special or not; else with the first that ends generation
          (`eos_token`, or `eos_token_id` of `generation_config.json`), else with the first special one, within what the template
          prints for that turn.
        - A template with `{%% generation %%}` tags decides itself: what they print is trained on and nothing else, but for turns with
          `weight: 0`.
        - A row whose answer is not rendered, or with a tool's answer inside it, is refused; generation tags are the way out.

        `tune run` and `tune data inspect` warn once, with the number of rows, where a template writes no end-of-turn token behind an
        answer, does not show a text (Mistral's shows the system text only where the last turn is the user's), or does not read a
        key of a turn or `tools`.

        `tokenizer_config.json` may hold several templates, as a list or by name, and `additional_chat_templates` more: as in
        transformers, `tool_use` is taken for rows with `tools`, `default` for the others.

        ## What differs
        %s

        ## What is there
        | template | equal | refused |
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
                ? "Nothing in these. Elsewhere: tuples print as lists, `['a', 'x']` where jinja2 prints `('a', 'x')`."
                : String.join("\n", differences.stream().map(d -> "- " + d).toList()),
            String.join("\n", table));
  }
}

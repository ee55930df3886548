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
        python models/src/test/python/render_chat_templates.py DIR
        ./mvnw -pl models -am test -Dtest=PublishedChatTemplatesTest -Dtune4j.chatTemplates=DIR -Dsurefire.failIfNoSpecifiedTests=false
        ```

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

package org.tune4j.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.tune4j.jinja.Rendering.Item;
import org.tune4j.jinja.Rendering.Span;

class RenderingTest {
  private static final Map<String, Object> VALUES =
      Map.of("all", List.of(Map.of("a", 1, "b", "xy"), Map.of("a", 2, "c", "z")), "other", "given");

  private static Rendering render(String template) {
    return Template.parse(template).render(VALUES, "all");
  }

  @Test
  void render_loop_tellsWhatEachItemPrintedAndWasNotAskedFor() {
    Rendering r =
        render(
            "{% for i in all %}{% set n = i.a %}{% endfor %}({% for i in all %}{{ i.b }}|{% endfor %})");
    assertEquals("(xy||)", r.text());
    assertEquals(
        List.of(new Item(new Span(1, 4), Set.of()), new Item(new Span(4, 5), Set.of("c"))),
        r.items());
    assertEquals(Set.of("other"), r.unread());
    assertNull(r.generated());
  }

  @Test
  void render_wholeItems_askForAllKeys() {
    Rendering r =
        render(
            "{{ all | tojson }}{{ other }}{% for i in all if i.c %}{{ i.c }}{% break %}{% endfor %}");
    assertEquals(Set.of(), r.unread());
    assertEquals(Set.of(), r.items().get(0).unread());
    assertNull(r.items().get(0).printed());
    int n = r.text().length();
    assertEquals(new Span(n - 1, n), r.items().get(1).printed());
  }

  @Test
  void render_generationTags_tellWhatTheyPrinted() {
    assertEquals(
        List.of(new Span(1, 3), new Span(4, 4)),
        render("-{% for i in all %}{% generation %}{{ i.b }}{% endgeneration %}-{% endfor %}")
            .generated());
    assertEquals(
        List.of(),
        render("{% if false %}{% generation %}{% endgeneration %}{% endif %}").generated());
  }
}

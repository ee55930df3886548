package org.tune4j.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Statements, filters, tests and whitespace against jinja2; errors by text; limits. */
class TemplateTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final JsonNode GOLDEN = golden();
  private static final Map<String, Object> VALUES =
      JSON.convertValue(GOLDEN.get("values"), new TypeReference<Map<String, Object>>() {});

  private static JsonNode golden() {
    try (InputStream in = TemplateTest.class.getResourceAsStream("/golden/jinja_cases.json")) {
      return JSON.readTree(in);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  static Stream<JsonNode> cases() {
    return StreamSupport.stream(GOLDEN.get("cases").spliterator(), false);
  }

  private static String render(String template) {
    return Template.parse(template).render(VALUES);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void render_goldenCase_equalsJinja2(JsonNode golden) {
    String template = golden.get("template").asText();
    if (golden.has("text")) {
      assertEquals(golden.get("text").asText(), render(template), template);
    } else {
      assertNotNull(
          assertThrows(TemplateException.class, () -> render(template), template).getMessage());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '`',
      value = {
        "{{ missing.x }}~ 2~ 'missing' is undefined",
        "{{ missing + 1 }}~ 2~ 'missing' is undefined",
        "{{ t.nope() }}~ 2~ 'str object' has no attribute 'nope'",
        "{{ 1 + 'a' }}~ 2~ '+' cannot be used between 'int' and 'str'",
        "{{ 1 // 0 }}~ 2~ division by zero",
        "{{ t|nope }}~ 2~ filter 'nope' is not known",
        "{{ t is nope }}~ 2~ test 'nope' is not known",
        "{{ n is divisibleby }}~ 2~ test 'divisibleby' has no argument",
        "{{ t.startswith() }}~ 2~ a call has 0 arguments, expected 1 or more",
        "{{ t.replace('a') }}~ 2~ a call has 1 arguments, expected 2 or more",
        "{{ t|replace('a') }}~ 2~ the filter's argument 'new' is missing",
        "{{ m.get() }}~ 2~ a call has 0 arguments, expected 1 or more",
        "{% for i in l %}{{ loop.cycle() }}{% endfor %}~ 2~ a call has 0 arguments, expected 1 or"
            + " more",
        "{{ range() }}~ 2~ range has no argument",
        "{{ range(1000000) }}~ 2~ range has more than 100000 items",
        "{{ l.append(1) }}~ 2~ 'append' would change a value, which templates may not",
        "{{ {[1]: 2} }}~ 2~ unhashable type: 'list'",
        "{{ 99999999999999999999 }}~ 2~ 99999999999999999999 is too large",
        "{{ l.99999999999999999999 }}~ 2~ 99999999999999999999 is too large",
        "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}~ 2~ macro 'f' takes no more than 1 arguments",
        "{% macro f(a) %}{% endmacro %}{{ f(b=2) }}~ 2~ macro 'f' takes no argument 'b'",
        "{% set a, b = [1] %}~ 2~ 1 values cannot be given to 2 names",
        "{% set t.x = 1 %}~ 2~ cannot assign to 't', which is not a namespace",
        "{% for i in 5 %}{% endfor %}~ 2~ 'int' object is not iterable",
        "{% nope %}~ 2~ tag 'nope' is not known",
        "{% if %}{% endif %}~ 2~ unexpected '%}'",
        "{{ (1 }}~ 2~ a tag has no }}",
        "{{ 'open }}~ 2~ a string has no closing '",
        "{# open~ 2~ a comment has no #}",
        "{% for i in l %}~ 2~ a tag is not closed; expected ",
        "{{ raise_exception('told so') }}~ 2~ told so",
      })
  void errors_haveALineAndAReason(String tag, int line, String reason) {
    TemplateException e = assertThrows(TemplateException.class, () -> render("text\n" + tag), tag);
    assertEquals(line, e.line(), tag);
    assertTrue(String.valueOf(e.getMessage()).startsWith(reason), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% set ns = namespace(x='ab') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{%"
            + " endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{%"
            + " endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(50) %}{% set ns.x = [ns.x, ns.x] %}{%"
            + " endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(50) %}{% set ns.x = [ns.x, ns.x] %}{%"
            + " endfor %}{{ ns.x|tojson }}",
        "{% set a = namespace(x=[1], y=[1]) %}{% for i in range(50) %}{% set a.x = [a.x, a.x] %}{%"
            + " set a.y = [a.y, a.y] %}{% endfor %}{{ a.x == a.y }}",
        "{{ ('a' * 10000000).replace('', 'b' * 10000000) }}",
        "{{ range(100000)|unique|list|length }}",
        "{{ ('\\n' * 10000000)|indent(1000, true, true) }}",
        "{{ 'ab' * 1000000000 }}",
        "{% set s = 'a' * 16000000 %}{{ [s, s, s, s, s, s, s, s, s, s] * 1000 | map('upper') | join"
            + " }}",
        "{% set s = 'a' * 16000000 %}{{ ([s] * 1000000) | map('upper') | list | length }}",
        "{% set s = 'a' * 16000000 %}{{ ([s] * 100000) | sort | length }}",
        "{% set s = 'a' * 16000000 %}{{ ([s] * 100000) | join('') | length }}",
        "{% set s = 'a' * 16000000 %}{{ ([s] * 100000) | select('lower') | list | length }}",
        "{% set s = 'a' * 16000000 %}{{ 'b' in [s ~ 'a', s ~ 'b'] * 1000000 }}{{ s ~ 'c' in [s ~"
            + " 'd'] * 1000000 }}",
        "{{ ([[1]] * 1000000) | sum(start=[]) | length }}",
        "{{ ('{0}' * 1000).format('a' * 16000000) }}",
        "{{ [[[1]]] | tojson(indent='a' * 16000000) }}",
        "{% for c in 'a' * 16000000 %}{% endfor %}",
        "{% set s = ('a' *"
            + " 16000000)|upper|lower|upper|lower|upper|lower|upper|lower|upper|lower|upper|lower"
            + " %}",
        "{{ [range(100000)|list] * 10000 | unique | list | length }}{{ ([range(100000)|list] *"
            + " 10000) | max | length }}",
      })
  void hostileTemplate_endsSoonWithOneLine(String template) {
    TemplateException e =
        assertTimeoutPreemptively(
            Duration.ofMinutes(5),
            () -> assertThrows(TemplateException.class, () -> render(template)));
    assertEquals(1, String.valueOf(e.getMessage()).lines().count(), e.getMessage());
  }

  /** What searches and cuts long texts takes no longer than the texts are. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '@',
      value = {
        "{{ ('a' * 8000000 ~ 'b') in 'a' * 16000000 }}@False",
        "{{ ('a' * 16000000).rfind('b' ~ 'a' * 8000000) }}@-1",
        "{{ ('a' * 16000000).count('a' * 8000000 ~ 'b') }}@0",
        "{{ ('a' * 16000000).replace('a' * 8000000, 'b') }}@bb",
        "{{ ('a ' * 1000000).split()|length }}@1000000",
        "{{ ('a ' * 1000000).rsplit(' ', 900000)|length }}@900001",
        "{{ ('a' * 16000000).strip('b' * 8000000)|length }}@16000000",
        "{{ ('a' * 16000000)[15999998:] }}@aa",
        "{{ ('a' * 16000000)[-1] }}@a",
      })
  void longTexts_areSearchedInOneGo(String template, String expected) {
    assertEquals(
        expected, assertTimeoutPreemptively(Duration.ofMinutes(3), () -> render(template)));
  }

  @Test
  void rsplit_andLongParts_areAsInPython() {
    String part = "ab".repeat(50);
    assertEquals(
        "['x', '" + part + "y', 'z'] 3 " + (2 * 100 + 2),
        render(
            "{% set p = 'ab' * 50 %}{{ ('x-' ~ p ~ 'y-z').rsplit('-', 2) }} {{ (p ~ '.' ~ p ~ '.' ~"
                + " p).count(p) }} {{ (p ~ '.' ~ p ~ '.' ~ p).rfind(p) }}"));
  }

  @Test
  void deepTemplates_areRefusedInWords() {
    for (String deep :
        List.of(
            "{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}",
            "{{ " + "1 + ".repeat(100_000) + "1 }}",
            "{{ x" + ".a".repeat(100_000) + " }}",
            "{{ x" + "|e".repeat(100_000) + " }}",
            "{{ " + "not ".repeat(100_000) + "1 == 2 < -1 }}{{ " + "-".repeat(100_000) + "1 }}",
            "{% if 1 %}".repeat(10_000))) {
      String reason =
          String.valueOf(assertThrows(TemplateException.class, () -> render(deep)).getMessage());
      assertTrue(reason.contains("too deep") || reason.contains("undefined"), reason);
    }
  }

  @Test
  void mutatedTemplates_renderOrSayWhy() {
    long seed = 20_261_124;
    Random random = new Random(seed);
    List<String> templates = new ArrayList<>();
    cases().forEach(c -> templates.add(c.get("template").asText()));
    String signs = "{}%#-+|.,()[]'\"=<>~*/:0 9aeif\n";
    for (int i = 0; i < 2_000; i++) {
      StringBuilder t = new StringBuilder(templates.get(random.nextInt(templates.size())));
      if (random.nextBoolean()) {
        t.append(templates.get(random.nextInt(templates.size())));
      }
      for (int edits = 1 + random.nextInt(4); edits > 0 && t.length() > 1; edits--) {
        int at = random.nextInt(t.length() - 1);
        switch (random.nextInt(3)) {
          case 0 -> t.deleteCharAt(at);
          case 1 -> t.insert(at, signs.charAt(random.nextInt(signs.length())));
          default -> t.setCharAt(at, signs.charAt(random.nextInt(signs.length())));
        }
      }
      try {
        render(t.toString());
      } catch (TemplateException e) {
        assertTrue(e.line() >= 0 && !String.valueOf(e.getMessage()).isEmpty(), t.toString());
      } catch (RuntimeException | StackOverflowError e) {
        throw new AssertionError("seed " + seed + ", turn " + i + ": " + t, e);
      }
    }
  }
}

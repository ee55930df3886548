package org.tune4j.tokenizers;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;

/** Expressions and texts on which the native library would end the process. */
class RegexGuardTest {
  private static final Path FILE = Path.of("tokenizer.json");

  private static final String LLAMA3 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  private static ObjectNode split(String regex) {
    ObjectNode json = new ObjectMapper().createObjectNode();
    ObjectNode split = json.putObject("pre_tokenizer").put("type", "Split");
    split.put("behavior", "Isolated").put("invert", false);
    split.putObject("pattern").put("Regex", regex);
    return json;
  }

  private static RegexGuard guard(String regex) {
    return RegexGuard.of(FILE, split(regex));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(a+)+$",
        "(?:a|a)+$",
        "(a|b|ab)*c",
        "(a?){30}a{30}b",
        "a*a*a*a*b",
        "(\\w+\\s?)+$",
        "((a{1,100}){1,100}){1,100}b",
        "(?i)(A+)+$",
        "(?=(a+)+$)a",
        "(a)\\1",
        "(?<n>a)\\g<n>",
        "(?~ab)"
      })
  void of_expressionThatIsNeverSafe_isRefusedByName(String regex) {
    String message =
        String.valueOf(assertThrows(InputException.class, () -> guard(regex)).getMessage());
    assertTrue(
        message.startsWith("tokenizer tokenizer.json: its regular expression '" + regex + "' "),
        message);
    assertEquals(1, message.lines().count());
  }

  /** As GPT-2, Llama 3, GPT-4o, DeepSeek and others are split. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        LLAMA3,
        "[^\\r"
            + "\\n"
            + "\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}|"
            + " ?[^\\s\\p{L}\\p{N}]+[\\r"
            + "\\n"
            + "/]*|\\s*[\\r"
            + "\\n"
            + "]+|\\s+(?!\\S)|\\s+",
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r"
            + "\\n"
            + "\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r"
            + "\\n"
            + "]*",
        "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
        "\\p{N}{1,3}(?=(?:\\p{N}{3})*(?:\\P{N}|$))",
        " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+",
        " {2,}",
        "(?>a+)+b",
        "(\\w+\\s?)+"
      })
  void check_longTextOfWords_isAccepted(String regex) {
    RegexGuard guard = guard(regex);
    assertDoesNotThrow(() -> guard.check("Many words, 12 of them. ".repeat(400_000)));
  }

  @Test
  void check_elevenMillionBlanks_isRefusedWithTheirNumber() {
    String message =
        String.valueOf(
            assertThrows(
                    InputException.class,
                    () -> guard(LLAMA3).check("a" + " ".repeat(11_000_000) + "b"))
                .getMessage());
    assertTrue(message.startsWith("a text of 11000002 characters has too many of one"), message);
    assertTrue(message.endsWith(" of tokenizer tokenizer.json; cut it into several"), message);
    assertEquals(1, message.lines().count());
  }

  @Test
  void encode_tokenizerWithALimit_isRefusedBeforeTheNativeLibrary(@TempDir Path folder)
      throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json =
        (ObjectNode)
            mapper.readTree(Path.of("src/test/resources/tokenizers/tokenizer.json").toFile());
    json.set("pre_tokenizer", split("\\s*[\\r\\n]+|\\s+|\\w").get("pre_tokenizer"));
    mapper.writeValue(folder.resolve("tokenizer.json").toFile(), json);
    try (Tokenizer tokenizer = new TokenizerSpec(folder, null).open(folder)) {
      assertEquals(3, tokenizer.encode("a b").length);
      String blanks = " ".repeat(11_000_000);
      assertThrows(InputException.class, () -> tokenizer.encode(blanks));
      assertThrows(InputException.class, () -> tokenizer.encodeAlone(blanks));
      assertThrows(InputException.class, () -> tokenizer.encodeText(blanks, false));
    }
  }
}

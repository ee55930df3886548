package org.tune4j.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Control characters from anywhere, as they reach a terminal. */
class PrintableOutputTest {
  @ParameterizedTest
  @CsvSource(
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "plain é 语 🙂,plain é 语 🙂",
        "a\u001b[2Jb,a\\u001b[2Jb",
        "\u001b]0;title\u0007x,\\u001b]0;title\\u0007x",
        "\u001b\u001b[31mx,\\u001b\\u001b[31mx",
        "a\u009b31mb\u007f,a\\u009b31mb\\u007f",
        "a\u0000b\u0008c,a\\u0000b\\u0008c",
        "\u00a0£,\u00a0£",
        "\r[##]\u001b[K,\r[##]\u001b[K",
        "\u001b[32mtrained\u001b[0m,\u001b[32mtrained\u001b[0m",
        "\u001b[33m,\\u001b[33m"
      })
  void write_controlCharacters_areWrittenOutButTheProgramsOwn(String text, String shown)
      throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    for (int piece : new int[] {1, bytes.length}) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      try (PrintableOutput filter = new PrintableOutput(out)) {
        for (int i = 0; i < bytes.length; i += piece) {
          filter.write(bytes, i, Math.min(piece, bytes.length - i));
        }
      }
      assertEquals(shown, out.toString(StandardCharsets.UTF_8));
    }
  }
}

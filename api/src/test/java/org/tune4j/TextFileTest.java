package org.tune4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextFileTest {
  @TempDir Path dir;

  @Test
  void read_byteOrderMark_isLeftOut() throws IOException {
    Path file = Files.writeString(dir.resolve("p.txt"), "\uFEFFHello\r\n\uFEFF");
    assertEquals("Hello\r\n\uFEFF", TextFile.read(file, "prompt file"));
  }

  @ParameterizedTest
  @CsvSource({
    "ISO-8859-1, Grüße, ' is not UTF-8; convert it'",
    "UTF-16, Grüße, ' is UTF-16, expected UTF-8; convert it'",
    "UTF-16LE, Hello, ' has NUL characters, as UTF-16 and binary files do; expected UTF-8 text'",
  })
  void read_otherCharset_refusedWithItsName(String charset, String text, String message)
      throws IOException {
    Path file = Files.write(dir.resolve("p.txt"), text.getBytes(charset));
    assertEquals("prompt file " + file + message, refusal(file));
  }

  @Test
  void read_noFile_saidWithoutProgramWords() {
    Path absent = dir.resolve("x");
    assertEquals(
        "prompt file " + absent + " cannot be read: no such file or folder", refusal(absent));
    assertEquals("prompt file " + dir + " is a folder, expected a file", refusal(dir));
  }

  @Test
  void decode_markOfUtf16InEitherOrder_isKnown() {
    for (String charset : new String[] {"UTF-16LE", "UTF-16BE"}) {
      byte[] bytes = "\uFEFFa".getBytes(java.nio.charset.Charset.forName(charset));
      assertEquals(
          "standard input is UTF-16, expected UTF-8; convert it",
          assertThrows(InputException.class, () -> TextFile.decode(bytes, "standard input"))
              .getMessage());
    }
    assertEquals("", TextFile.decode("\uFEFF".getBytes(StandardCharsets.UTF_8), "it"));
  }

  private static String refusal(Path file) {
    return assertThrows(InputException.class, () -> TextFile.read(file, "prompt file"))
        .getMessage();
  }
}

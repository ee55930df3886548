package org.tune4j.runs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.UsageException;

final class OutputFolderTest {
  @TempDir Path folder;

  private final ByteArrayOutputStream told = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(told, true, StandardCharsets.UTF_8);

  @Test
  void open_twice_isRefused() {
    try (OutputFolder first = OutputFolder.open(folder, true, out)) {
      UsageException e =
          assertThrows(UsageException.class, () -> OutputFolder.open(first.path(), true, out));
      assertEquals(
          "output_dir %s is in use by another run; wait for it or choose another output_dir"
              .formatted(folder),
          e.getMessage());
    }
  }

  @Test
  void open_failsOnTheWay_letsGo() throws IOException {
    Files.createDirectories(folder.resolve("checkpoints/step_1"));
    PrintStream broken =
        new PrintStream(told, true, StandardCharsets.UTF_8) {
          @Override
          public PrintStream printf(String format, Object... arguments) {
            throw new IllegalStateException("broken");
          }

          @Override
          public PrintStream printf(Locale l, String format, Object... arguments) {
            throw new IllegalStateException("broken");
          }
        };
    assertThrows(IllegalStateException.class, () -> OutputFolder.open(folder, true, broken));
    OutputFolder.open(folder, true, out).close();
  }
}

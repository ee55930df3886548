package org.tune4j.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class StandardOutputTest {
  private static StandardOutput failing(String... reasons) {
    return new StandardOutput(
        new OutputStream() {
          private int calls;

          @Override
          public void write(int b) throws IOException {
            throw new IOException(reasons[Math.min(calls++, reasons.length - 1)]);
          }
        });
  }

  @Test
  void lost_ofAFullDisk_isItsFirstReason() {
    StandardOutput out = failing("No space left on device", "Bad file descriptor");
    PrintStream printed = new PrintStream(out, true, StandardCharsets.UTF_8);
    printed.println("one");
    printed.println("two");
    assertEquals("No space left on device", out.lost());
  }

  @Test
  void lost_whereNobodyReads_isNothing() {
    StandardOutput out = failing("Broken pipe");
    new PrintStream(out, true, StandardCharsets.UTF_8).println("one");
    assertNull(out.lost());
  }

  @Test
  void lost_ofWhatIsWritten_isNothing() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    StandardOutput out = new StandardOutput(bytes);
    new PrintStream(out, true, StandardCharsets.UTF_8).print("naïve");
    assertNull(out.lost());
    assertEquals("naïve", bytes.toString(StandardCharsets.UTF_8));
  }
}

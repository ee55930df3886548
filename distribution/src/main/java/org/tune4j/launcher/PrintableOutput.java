package org.tune4j.launcher;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/**
 * What goes to a terminal, in UTF-8: control characters are written out, since the terminal would
 * obey them, whichever file, model or machine they came from. Line breaks, tabs, and what this
 * program itself draws a progress bar and colours a row with pass.
 */
final class PrintableOutput extends OutputStream {
  private static final int ESCAPE = 0x1b;

  /** UTF-8's first byte of U+0080 to U+00BF. */
  private static final int HIGH = 0xc2;

  private static final Set<String> OWN = Set.of("\u001b[K", "\u001b[32m", "\u001b[0m");

  private final OutputStream out;

  /** What may become one of {@link #OWN}. */
  private final StringBuilder sequence = new StringBuilder();

  private boolean high;

  PrintableOutput(OutputStream out) {
    this.out = out;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public synchronized void write(byte[] bytes, int offset, int length) throws IOException {
    ByteArrayOutputStream shown = new ByteArrayOutputStream(length + 16);
    for (int i = offset; i < offset + length; i++) {
      take(bytes[i] & 0xff, shown);
    }
    shown.writeTo(out);
  }

  @Override
  public void flush() throws IOException {
    out.flush();
  }

  private void take(int b, ByteArrayOutputStream shown) {
    if (!sequence.isEmpty()) {
      sequence.append((char) b);
      takeSequence(sequence.toString(), shown);
    } else if (high) {
      high = false;
      if (b < 0xa0) {
        show(b, shown);
      } else {
        shown.write(HIGH);
        shown.write(b);
      }
    } else if (b == HIGH) {
      high = true;
    } else if (b == ESCAPE) {
      sequence.append((char) b);
    } else if ((b < ' ' && b != '\n' && b != '\t' && b != '\r') || b == 0x7f) {
      show(b, shown);
    } else {
      shown.write(b);
    }
  }

  private void takeSequence(String soFar, ByteArrayOutputStream shown) {
    if (OWN.contains(soFar)) {
      shown.writeBytes(soFar.getBytes(StandardCharsets.US_ASCII));
      sequence.setLength(0);
    } else if (OWN.stream().noneMatch(o -> o.startsWith(soFar))) {
      sequence.setLength(0);
      show(ESCAPE, shown);
      soFar.chars().skip(1).forEach(c -> take(c, shown));
    }
  }

  private static void show(int c, ByteArrayOutputStream shown) {
    shown.writeBytes("\\u%04x".formatted(c).getBytes(StandardCharsets.US_ASCII));
  }
}

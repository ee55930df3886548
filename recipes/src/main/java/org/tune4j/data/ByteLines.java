package org.tune4j.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;

/** A file's lines as bytes, without their line breaks. */
final class ByteLines implements AutoCloseable {
  /** A longer line is no row but another kind of file. */
  static final int LONGEST = 64 << 20;

  private final Path file;
  private final InputStream in;
  private final byte[] buffer = new byte[1 << 16];
  private int at;
  private int filled;
  private int line;

  private ByteLines(Path file, InputStream in) {
    this.file = file;
    this.in = in;
  }

  static ByteLines open(Path file) throws IOException {
    return new ByteLines(file, PlainBytes.open(file));
  }

  /** The next line; null at the end. */
  byte @Nullable [] next() throws IOException {
    byte[] out = {};
    boolean any = false;
    while (true) {
      if (at == filled) {
        filled = in.read(buffer);
        at = 0;
        if (filled <= 0) {
          filled = 0;
          line++;
          return any ? out : null;
        }
      }
      any = true;
      int from = at;
      while (at < filled && buffer[at] != '\n') {
        at++;
      }
      if (out.length + (at - from) > LONGEST) {
        throw new InputException(
            "%s:%d:1: the line is longer than %d MiB, expected one row per line"
                .formatted(file, line + 1, LONGEST >> 20));
      }
      int old = out.length;
      out = Arrays.copyOf(out, old + at - from);
      System.arraycopy(buffer, from, out, old, at - from);
      if (at < filled) {
        at++;
        line++;
        return out.length > 0 && out[out.length - 1] == '\r'
            ? Arrays.copyOf(out, out.length - 1)
            : out;
      }
    }
  }

  /** The number of the line that {@link #next} gave last, from 1. */
  int line() {
    return line;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}

package org.tune4j.launcher;

import java.io.IOException;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/** Remembers the first failure to write, which a {@link java.io.PrintStream} keeps to itself. */
final class StandardOutput extends OutputStream {
  private final OutputStream out;
  private volatile @Nullable IOException failure;

  StandardOutput(OutputStream out) {
    this.out = out;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    try {
      out.write(bytes, offset, length);
    } catch (IOException e) {
      if (failure == null) {
        failure = e;
      }
      throw e;
    }
  }

  /** Why something that was printed is lost; null where nothing is, or where nobody reads it. */
  @Nullable String lost() {
    IOException e = failure;
    String why = e == null ? null : String.valueOf(e.getMessage());
    return why == null || why.contains("Broken pipe") ? null : why; // as of `tune ls | head -1`
  }
}

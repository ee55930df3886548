package org.tune4j.data;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;

/** The UTF-8 text of a data file as bytes: gzip is unpacked, a byte order mark is left out. */
final class PlainBytes {
  private static final String UTF8_MARK = "efbbbf";

  private PlainBytes() {}

  /**
   * Opens a file.
   *
   * @throws InputException when it is UTF-16, or packed by anything but gzip
   * @throws IOException when it cannot be read
   */
  static InputStream open(Path file) throws IOException {
    InputStream in = new BufferedInputStream(Files.newInputStream(file));
    try {
      String packed = packedBy(start(in));
      if (packed != null && !packed.equals("gzip")) {
        throw refusal(file, packed);
      }
      InputStream plain = packed == null ? in : new BufferedInputStream(new GZIPInputStream(in));
      String start = start(plain);
      if (start.startsWith("fffe") || start.startsWith("feff")) {
        throw new InputException(
            "data file %s is UTF-16, expected UTF-8; convert it".formatted(file));
      }
      plain.skipNBytes(start.startsWith(UTF8_MARK) ? UTF8_MARK.length() / 2 : 0);
      return plain;
    } catch (IOException | RuntimeException e) {
      in.close();
      throw e;
    }
  }

  /**
   * Makes sure that a binary file is not packed.
   *
   * @throws InputException when it is
   */
  static void requireUnpacked(Path file) throws IOException {
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
      String packed = packedBy(start(in));
      if (packed != null) {
        throw refusal(file, packed);
      }
    }
  }

  private static InputException refusal(Path file, String packed) {
    return new InputException(
        "data file %s is compressed with %s; decompress it".formatted(file, packed));
  }

  /** The first bytes in hexadecimal digits; the stream still begins with them. */
  private static String start(InputStream in) throws IOException {
    in.mark(6);
    byte[] start = in.readNBytes(6);
    in.reset();
    return HexFormat.of().formatHex(start);
  }

  private static @Nullable String packedBy(String start) {
    if (start.startsWith("1f8b")) {
      return "gzip";
    }
    if (start.startsWith("28b52ffd")) {
      return "zstd";
    }
    if (start.startsWith("425a68")) {
      return "bzip2";
    }
    if (start.startsWith("fd377a585a00")) {
      return "xz";
    }
    return start.startsWith("504b0304") ? "zip" : null;
  }
}

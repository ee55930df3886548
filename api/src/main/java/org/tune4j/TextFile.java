package org.tune4j;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Texts that users write: configs, prompts, tasks. All of them are UTF-8. */
public final class TextFile {
  private static final long LARGEST = 256L << 20;

  private TextFile() {}

  /**
   * {@return a file's text, without a byte order mark}
   *
   * @param file a regular file of at most 256 MiB; a pipe, which may never end, is refused
   * @param what the file is, for messages, such as {@code prompt file}
   * @throws InputException when it is not there, is no such file or no UTF-8
   */
  public static String read(Path file, String what) {
    String named = what + " " + file;
    if (Files.isDirectory(file)) {
      throw new InputException(named + " is a folder, expected a file");
    }
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new InputException(named + " is a pipe or a device, expected a regular file");
    }
    try {
      if (Files.size(file) > LARGEST) {
        throw new InputException(
            "%s has %d MiB, expected at most %d"
                .formatted(named, Files.size(file) >> 20, LARGEST >> 20));
      }
      return decode(Files.readAllBytes(file), named);
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be read: %s".formatted(named, TuneException.reason(e)), e);
    }
  }

  /**
   * {@return bytes as text, without a byte order mark}
   *
   * @param bytes in UTF-8
   * @param named where they come from, for messages, such as {@code standard input}
   * @throws InputException when they are no UTF-8
   */
  public static String decode(byte[] bytes, String named) {
    if (bytes.length > 1 && (bytes[0] & bytes[1] & 0xfe) == 0xfe && bytes[0] != bytes[1]) {
      throw new InputException(named + " is UTF-16, expected UTF-8; convert it");
    }
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      if (text.indexOf('\0') >= 0) {
        throw new InputException(
            named + " has NUL characters, as UTF-16 and binary files do; expected UTF-8 text");
      }
      return text.startsWith("\uFEFF") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw new InputException(named + " is not UTF-8; convert it", e);
    }
  }
}

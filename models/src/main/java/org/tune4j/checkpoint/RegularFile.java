package org.tune4j.checkpoint;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.tune4j.InputException;

/** Reads regular files alone: opening a pipe or a device may never return. */
final class RegularFile {
  private RegularFile() {}

  /**
   * Does nothing for a file that does not exist.
   *
   * @param expected what the file should be, such as {@code a JSON file}
   * @throws InputException if it is a folder, pipe, socket or device
   */
  static void require(Path file, String expected) {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new InputException(
          "%s is a %s, expected %s"
              .formatted(file, Files.isDirectory(file) ? "folder" : "pipe or device", expected));
    }
  }

  /** Fills the buffer with what the file holds at a position. */
  static void fill(FileChannel file, long position, ByteBuffer target) throws IOException {
    long at = position;
    while (target.hasRemaining()) {
      int n = file.read(target, at);
      if (n < 0) {
        throw new EOFException("the file shrank while it was read");
      }
      at += n;
    }
  }
}

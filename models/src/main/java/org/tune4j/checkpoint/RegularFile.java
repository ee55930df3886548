package org.tune4j.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import org.tune4j.InputException;

/** Keeps pipes and devices from being read: opening one may never return. */
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
}

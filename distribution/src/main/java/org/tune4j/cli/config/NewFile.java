package org.tune4j.cli.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;

/** A config that a command writes for the user. */
final class NewFile {
  private NewFile() {}

  /**
   * Writes a text, whole or not at all.
   *
   * @param replace whether a file that is there is replaced
   * @param parents whether missing folders are made
   * @throws UsageException when the file is there, or its folder is not
   * @throws EnvironmentException when it cannot be written
   */
  static void write(Path file, String text, boolean replace, boolean parents) {
    if (Files.exists(file) && !replace) {
      throw new UsageException("%s exists; use --force to replace it".formatted(file));
    }
    Path folder = file.toAbsolutePath().getParent();
    if (folder == null || (!Files.isDirectory(folder) && !parents)) {
      throw new UsageException(
          "folder %s does not exist; create it or use --make-parents".formatted(folder));
    }
    try {
      Files.createDirectories(folder);
      Path part = Files.createTempFile(folder, ".tune", ".part");
      try {
        Files.writeString(part, text);
        Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(part);
      }
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be written: %s".formatted(file, TuneException.reason(e)), e);
    }
  }
}

package org.tune4j.metrics;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import org.tune4j.EnvironmentException;

/**
 * What loggers need to find again after a resume, such as a server's id of the run: {@code
 * loggers.json} in the run's logs. Safe for several threads.
 */
final class RunNotes {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final TypeReference<Map<String, String>> NOTES = new TypeReference<>() {};

  private final Path file;
  private final Map<String, String> notes;

  private RunNotes(Path file, Map<String, String> notes) {
    this.file = file;
    this.notes = notes;
  }

  /**
   * The notes of a run.
   *
   * @param dir an existing folder
   * @param anew whether the run begins, so that an earlier run's notes are forgotten
   * @throws EnvironmentException when the file can neither be read nor replaced
   */
  static RunNotes open(Path dir, boolean anew) {
    Path file = dir.resolve("loggers.json");
    Map<String, String> notes = new TreeMap<>();
    try {
      if (anew) {
        Files.deleteIfExists(file);
      } else if (Files.exists(file)) {
        notes.putAll(JSON.readValue(Files.readAllBytes(file), NOTES));
      }
    } catch (JacksonException e) {
      notes.clear(); // damaged: loggers then begin anew, with all steps
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be read or replaced: %s; choose another output_dir".formatted(file, e), e);
    }
    return new RunNotes(file, notes);
  }

  /**
   * {@return what was noted for a target}
   *
   * @param target where metrics go, such as a server's address
   */
  public synchronized Optional<String> get(String target) {
    return Optional.ofNullable(notes.get(target));
  }

  /**
   * Notes it, on the disk, in place of what was noted before.
   *
   * @param target where metrics go, such as a server's address
   * @param note what is needed to find the run there again
   * @throws IOException when it cannot be written; what was noted before then stays on the disk
   */
  public synchronized void put(String target, String note) throws IOException {
    notes.put(target, note);
    Path aside = file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      Files.write(aside, JSON.writeValueAsBytes(notes));
      Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(aside);
    }
  }
}

package org.tune4j.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tune4j.InputException;

/** A task's rows: JSON Lines, a JSON array, or a text file as one row's {@code text}. */
final class TaskData {
  private TaskData() {}

  /** Checks that the file is there; nothing is read. */
  static void require(Path file) {
    if (Files.notExists(file)) {
      throw new InputException("task data %s does not exist; correct the path".formatted(file));
    }
  }

  /**
   * Reads rows.
   *
   * @param limit how many at the most; 0 for all
   * @throws InputException when the file is missing, broken or empty
   */
  public static List<JsonNode> read(Path file, int limit) {
    ObjectMapper mapper = new ObjectMapper();
    List<JsonNode> rows = new ArrayList<>();
    try {
      if (file.toString().endsWith(".txt")) {
        return List.of(mapper.createObjectNode().put("text", Files.readString(file)));
      }
      try (MappingIterator<JsonNode> all =
          mapper.readerFor(JsonNode.class).readValues(file.toFile())) {
        while ((limit == 0 || rows.size() < limit) && all.hasNext()) {
          rows.add(all.next());
        }
      }
    } catch (IOException | RuntimeException e) {
      throw new InputException(
          "task data %s cannot be read: %s; expected JSON Lines, a JSON array or a .txt file"
              .formatted(file, String.valueOf(e.getMessage()).lines().findFirst().orElse("")),
          e);
    }
    if (rows.isEmpty()) {
      throw new InputException("task data %s has no rows".formatted(file));
    }
    return rows;
  }
}

package org.tune4j.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.InputException;
import org.tune4j.TextFile;
import org.tune4j.data.DataRow;
import org.tune4j.data.DataRows;

/** A task's rows: any data file that training reads, or a text file as one row's {@code text}. */
final class TaskData {
  private TaskData() {}

  /** Checks that the file, or one that the glob matches, is there; nothing is read. */
  static void require(Path file) {
    if (Files.notExists(file) && !DataRows.areThere(file)) {
      throw new InputException("task data %s does not exist; correct the path".formatted(file));
    }
  }

  /** A row as data sets read it; messages name its task. */
  static DataRow row(String task, int index, JsonNode fields) {
    DataRow.Place place = new DataRow.Place(0, 0);
    Map<String, DataRow.Cell> cells = new LinkedHashMap<>();
    fields.properties().forEach(f -> cells.put(f.getKey(), new DataRow.Cell(f.getValue(), place)));
    return new DataRow(Path.of("task " + task), index + 1, place, cells);
  }

  /**
   * Reads rows.
   *
   * @param limit how many at the most; 0 for all
   * @throws InputException when the file is missing, broken or empty
   */
  static List<JsonNode> read(Path file, int limit) {
    List<JsonNode> rows = new ArrayList<>();
    if (file.toString().endsWith(".txt")) {
      ObjectNode row = JsonNodeFactory.instance.objectNode();
      return List.of(row.put("text", TextFile.read(file, "task data")));
    }
    for (DataRow row : DataRows.read(file, limit)) {
      ObjectNode fields = JsonNodeFactory.instance.objectNode();
      row.cells().forEach((column, cell) -> fields.set(column, cell.value()));
      rows.add(fields);
    }
    if (rows.isEmpty()) {
      throw new InputException("task data %s has no rows".formatted(file));
    }
    return rows;
  }
}

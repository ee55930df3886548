package org.tune4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;

/**
 * One row of a data file.
 *
 * @param file that holds it
 * @param number from 1 within its file
 * @param place where it begins
 * @param cells values by their columns' names, in order
 */
public record DataRow(Path file, long number, Place place, Map<String, Cell> cells) {
  private static final int LONGEST = 60;

  /**
   * A place in a text file.
   *
   * @param line from 1; 0 where the format has none
   * @param column from 1, in characters or bytes
   */
  public record Place(int line, int column) {
    static final Place NONE = new Place(0, 0);
  }

  /**
   * A value and where it stands.
   *
   * @param value as JSON, whatever the format
   * @param place of its first character
   */
  public record Cell(JsonNode value, Place place) {}

  /**
   * {@return a column's text; null where it is missing or null}
   *
   * @param column its name
   * @throws InputException when it is no text
   */
  public @Nullable String optionalText(String column) {
    Cell cell = cells.get(column);
    return cell == null || cell.value().isNull() ? null : text(cell, column);
  }

  /**
   * {@return a column's text}
   *
   * @param column its name
   * @param fix what to do where there is no such column
   * @throws InputException when there is none, or it is no text
   */
  public String text(String column, String fix) {
    return text(cell(column, fix), column);
  }

  /**
   * {@return a column's value}
   *
   * @param column its name
   * @param fix what to do where there is no such column
   * @throws InputException when there is none
   */
  public Cell cell(String column, String fix) {
    Cell cell = cells.get(column);
    if (cell == null) {
      throw wrong(
          place,
          "column '%s' is missing, found %s; %s"
              .formatted(column, String.join(", ", cells.keySet()), fix));
    }
    return cell;
  }

  private String text(Cell cell, String column) {
    if (!cell.value().isTextual()) {
      throw wrong(
          cell.place(), "column '%s' is %s, expected text".formatted(column, shown(cell.value())));
    }
    return cell.value().asText();
  }

  /**
   * {@return what is to be thrown: what is wrong, in which file, row and place}
   *
   * @param at of a cell, or the row's
   * @param what is wrong, and what was expected
   */
  public InputException wrong(Place at, String what) {
    return wrong(file, number, at, what, null);
  }

  static InputException wrong(
      Path file, long number, Place at, String what, @Nullable Throwable cause) {
    String text =
        "%s%s: row %d: %s"
            .formatted(
                file,
                at.line() == 0 ? "" : ":%d:%d".formatted(at.line(), at.column()),
                number,
                what);
    return cause == null ? new InputException(text) : new InputException(text, cause);
  }

  /** A value as a message shows it. */
  static String shown(JsonNode value) {
    String text = value.toString();
    return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "...";
  }
}

package org.tune4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;

/** One row of a data file. Knows what was read of it; for one thread at a time. */
public final class DataRow {
  private static final int LONGEST = 60;

  private final Path file;
  private final long number;
  private final Place place;
  private final Map<String, Cell> cells;
  private final Set<String> read = new HashSet<>();

  /**
   * A row; nothing of it is read yet.
   *
   * @param file that holds it
   * @param number from 1 within its file
   * @param place where it begins
   * @param cells values by their columns' names, in order
   */
  public DataRow(Path file, long number, Place place, Map<String, Cell> cells) {
    this.file = file;
    this.number = number;
    this.place = place;
    this.cells = cells;
  }

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

  /** {@return the file that holds the row} */
  public Path file() {
    return file;
  }

  /** {@return the row's number, from 1 within its file} */
  public long number() {
    return number;
  }

  /** {@return where the row begins} */
  public Place place() {
    return place;
  }

  /**
   * {@return all values by their columns' names, in order; all count as read}
   *
   * @throws InputException when a text among them is no Unicode
   */
  public Map<String, Cell> cells() {
    cells.keySet().forEach(this::find);
    return Collections.unmodifiableMap(cells);
  }

  /**
   * {@return a column's text; null where it is missing or null}
   *
   * @param column its name
   * @throws InputException when it is no text
   */
  public @Nullable String optionalText(String column) {
    Cell cell = optionalCell(column);
    return cell == null ? null : text(cell, column);
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
   * {@return a column's value; null where it is missing or null}
   *
   * @param column its name
   * @throws InputException when a text in it is no Unicode
   */
  public @Nullable Cell optionalCell(String column) {
    Cell cell = find(column);
    return cell == null || cell.value().isNull() ? null : cell;
  }

  /**
   * {@return a column's value}
   *
   * @param column its name
   * @param fix what to do where there is no such column
   * @throws InputException when there is none, or a text in it is no Unicode
   */
  public Cell cell(String column, String fix) {
    Cell cell = find(column);
    if (cell == null) {
      throw wrong(
          place,
          "column '%s' is missing, found %s; %s"
              .formatted(column, String.join(", ", cells.keySet()), fix));
    }
    return cell;
  }

  /** The columns that hold something and were not read. */
  Set<String> unread() {
    Set<String> all = new LinkedHashSet<>();
    cells.forEach(
        (column, cell) -> {
          if (!read.contains(column) && holdsSomething(cell.value())) {
            all.add(visible("column '%s'".formatted(column)));
          }
        });
    return all;
  }

  /** A name that cannot steer the terminal on which it is reported. */
  private static String visible(String name) {
    String plain = name.replaceAll("\\p{Cntrl}", "?");
    return plain.length() <= LONGEST ? plain : plain.substring(0, LONGEST) + "...";
  }

  private static boolean holdsSomething(JsonNode value) {
    return value.isContainerNode()
        ? !value.isEmpty()
        : !value.isNull() && !value.asText().isEmpty();
  }

  private @Nullable Cell find(String column) {
    Cell cell = cells.get(column);
    if (cell != null && read.add(column)) {
      String half = halfPair(cell.value());
      if (half != null) {
        throw wrong(
            cell.place(),
            "column '%s' has %s, a lone surrogate, which is not a character; write both halves or leave it out"
                .formatted(column, half));
      }
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

  /** The first lone surrogate in a value's texts and keys, as JSON escapes it; null for none. */
  private static @Nullable String halfPair(JsonNode value) {
    if (value.isTextual()) {
      return halfPair(value.asText());
    }
    for (Map.Entry<String, JsonNode> field : value.properties()) {
      String half = halfPair(field.getKey());
      if (half != null) {
        return half;
      }
    }
    for (JsonNode inner : value) {
      String half = halfPair(inner);
      if (half != null) {
        return half;
      }
    }
    return null;
  }

  private static @Nullable String halfPair(String text) {
    return text.codePoints()
        .filter(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE)
        .mapToObj("\\u%04x"::formatted)
        .findFirst()
        .orElse(null);
  }

  /**
   * Adds a column. Where the name is taken it gets a number, as pandas numbers it: the first one is
   * read, and the user hears of the other.
   */
  static void put(Map<String, Cell> cells, String column, Cell cell) {
    String name = column;
    for (int i = 1; cells.putIfAbsent(name, cell) != null; i++) {
      name = column + "." + i;
    }
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
    String text = value.isNumber() ? value.asText() : value.toString();
    return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "...";
  }
}

package org.tune4j.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.duckdb.DuckDBDriver;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;

/**
 * Parquet, read by DuckDB inside this process; its natives are loaded when the first file is.
 *
 * <p>DuckDB reads a path as a glob, takes {@code key=value} folders for columns and renames columns
 * that differ only in case. So the path is escaped, and columns are selected by position under the
 * names that the file's own schema gives.
 */
final class ParquetRows {
  private ParquetRows() {}

  /** A column; {@code select} is its value as JSON text. */
  private record Column(String name, String select) {}

  static void read(Path file, RowSink sink) throws IOException {
    PlainBytes.requireUnpacked(file);
    Properties settings = new Properties();
    settings.setProperty(DuckDBDriver.JDBC_STREAM_RESULTS, "true");
    settings.setProperty("threads", "2");
    settings.setProperty("memory_limit", "1GB");
    settings.setProperty("autoinstall_known_extensions", "false");
    settings.setProperty("autoload_known_extensions", "false");
    settings.setProperty("lock_configuration", "true");
    String path = file.toAbsolutePath().toString().replaceAll("[*?\\[]", "[$0]");
    long n = 0;
    try (Connection db = new DuckDBDriver().connect("jdbc:duckdb:", settings)) {
      List<Column> columns = columns(db, path);
      String values = columns.stream().map(Column::select).collect(Collectors.joining(", "));
      String sql = "SELECT %s FROM read_parquet(?, hive_partitioning = false)".formatted(values);
      try (PreparedStatement query = db.prepareStatement(sql)) {
        query.setString(1, path);
        try (ResultSet rows = query.executeQuery()) {
          while (rows.next()) {
            n++;
            sink.row(new DataRow(file, n, DataRow.Place.NONE, cells(columns, rows)));
          }
        }
      }
    } catch (JsonProcessingException e) {
      throw DataRow.wrong(file, n, DataRow.Place.NONE, JsonRows.words(e), e);
    } catch (SQLException e) {
      throw new InputException(
          "data file %s cannot be read as Parquet after row %d: %s"
              // The query that DuckDB shows behind it is not the user's.
              .formatted(file, n, String.valueOf(e.getMessage()).lines().findFirst().orElse("")),
          e);
    }
  }

  /** The schema is a tree, depth first; its root's children are the columns. */
  private static List<Column> columns(Connection db, String path) throws SQLException {
    List<Column> columns = new ArrayList<>();
    String sql =
        "SELECT name, coalesce(num_children, 0), duckdb_type = 'BLOB' AND repetition_type <>"
            + " 'REPEATED' FROM parquet_schema(?)";
    try (PreparedStatement query = db.prepareStatement(sql)) {
      query.setString(1, path);
      try (ResultSet schema = query.executeQuery()) {
        schema.next();
        long inside = 0;
        while (schema.next()) {
          if (inside == 0) {
            String at = "#" + (columns.size() + 1);
            // Bytes are no text, though DuckDB would write them as one.
            String value =
                schema.getBoolean(3)
                    ? "CASE WHEN %1$s IS NOT NULL THEN {'bytes': octet_length(%1$s)} END"
                        .formatted(at)
                    : at;
            columns.add(new Column(schema.getString(1), "to_json(%s)::VARCHAR".formatted(value)));
          } else {
            inside--;
          }
          inside += schema.getLong(2);
        }
      }
    }
    return columns;
  }

  private static Map<String, DataRow.Cell> cells(List<Column> columns, ResultSet row)
      throws SQLException, IOException {
    Map<String, DataRow.Cell> cells = new LinkedHashMap<>();
    for (int i = 0; i < columns.size(); i++) {
      @Nullable String json = row.getString(i + 1);
      JsonNode value = json == null ? NullNode.getInstance() : JsonRows.MAPPER.readTree(json);
      DataRow.put(cells, columns.get(i).name(), new DataRow.Cell(value, DataRow.Place.NONE));
    }
    return cells;
  }
}

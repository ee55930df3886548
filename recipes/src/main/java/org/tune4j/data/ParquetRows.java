package org.tune4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import org.duckdb.DuckDBDriver;
import org.tune4j.InputException;

/** Parquet, read by DuckDB inside this process; its natives are loaded when the first file is. */
final class ParquetRows {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private ParquetRows() {}

  static void read(Path file, RowSink sink) throws IOException {
    Properties settings = new Properties();
    settings.setProperty(DuckDBDriver.JDBC_STREAM_RESULTS, "true");
    settings.setProperty("threads", "2");
    settings.setProperty("memory_limit", "1GB");
    settings.setProperty("autoinstall_known_extensions", "false");
    String path = file.toAbsolutePath().toString().replace("'", "''");
    long n = 0;
    try (Connection db = new DuckDBDriver().connect("jdbc:duckdb:", settings);
        Statement query = db.createStatement();
        // Nested columns, such as conversations, come as JSON too.
        ResultSet rows =
            query.executeQuery("SELECT to_json(t)::VARCHAR FROM read_parquet('" + path + "') t")) {
      while (rows.next()) {
        n++;
        JsonNode row = MAPPER.readTree(rows.getString(1));
        Map<String, DataRow.Cell> cells = new LinkedHashMap<>();
        row.properties()
            .forEach(
                e -> cells.put(e.getKey(), new DataRow.Cell(e.getValue(), DataRow.Place.NONE)));
        sink.row(new DataRow(file, n, DataRow.Place.NONE, cells));
      }
    } catch (SQLException e) {
      throw new InputException(
          "data file %s cannot be read as Parquet behind row %d: %s"
              // The query that DuckDB shows behind it is not the user's.
              .formatted(file, n, String.valueOf(e.getMessage()).lines().findFirst().orElse("")),
          e);
    }
  }
}

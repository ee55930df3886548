package org.tune4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.tune4j.data.DatasetTestFiles.files;
import static org.tune4j.data.DatasetTestFiles.shown;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.duckdb.DuckDBDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;

/** Names of files and columns that mean something to DuckDB; rows are those that pyarrow reads. */
class ParquetRowsTest {
  @TempDir Path dir;

  private Dataset open(Path file, Map<String, String> columns) {
    return DatasetTestFiles.open(
        InstructDataset.instruct("", columns, false, null, files(file)), dir.resolve("cache"));
  }

  /** Made by columns.py. */
  private Path columns() throws IOException {
    Path file = dir.resolve("columns.parquet");
    try (InputStream in = getClass().getResourceAsStream("columns.parquet")) {
      Files.copy(in, file);
    }
    return file;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "train[1].parquet", "x*.parquet", "ro?s.parquet", "[a-z]*/r.parquet",
            "output=web/r.parquet",
        "it's \"%s\".parquet", "a\\b.parquet", "{a,b}.parquet", "s3:/bucket/ü r.parquet",
            "**.parquet"
      })
  void read_nameOfAnyKind_isThatFile(String name) throws IOException, SQLException {
    Path plain = dir.resolve("plain.parquet");
    write(plain, "right");
    for (String other : List.of("train1", "xy", "rows", "a", "b")) {
      write(dir.resolve(other + ".parquet"), "wrong");
    }
    Path file = dir.resolve(name);
    Files.createDirectories(file.getParent());
    Files.copy(plain, file);
    assertEquals(List.of("right[right]"), shown(open(file, null)));
  }

  private static void write(Path file, String text) throws SQLException {
    try (Connection db = new DuckDBDriver().connect("jdbc:duckdb:", new Properties());
        Statement s = db.createStatement()) {
      s.execute(
          "COPY (SELECT '%s' AS input, '%s' AS output) TO '%s' (FORMAT parquet)"
              .formatted(text, text, file));
    }
  }

  @Test
  void read_columnsThatDuckDbRenames_haveTheFilesOwnNames() throws IOException {
    Dataset data = open(columns(), null);
    assertEquals(List.of("Hello[Yes]", "Bye[No]"), shown(data));
    assertEquals(
        Map.of(
            "column 'Input', which nothing reads", 2L,
            "column 'INPUT', which nothing reads", 2L,
            "column 't', which nothing reads", 2L,
            "column 'output.1', which nothing reads", 2L,
            "column 'bytes', which nothing reads", 2L,
            "column 'number', which nothing reads", 2L,
            "column 'list', which nothing reads", 1L),
        data.report().notes());
  }

  @Test
  void read_columnThatIsNoText_refusedAsWhatItIs() throws IOException {
    Path file = columns();
    assertEquals(
        file + ": row 1: column 'number' is NaN, expected text",
        assertThrows(InputException.class, () -> open(file, Map.of("input", "number")))
            .getMessage());
    assertEquals(
        file + ": row 1: column 'bytes' is {\"bytes\":2}, expected text",
        assertThrows(InputException.class, () -> open(file, Map.of("input", "bytes")))
            .getMessage());
  }
}

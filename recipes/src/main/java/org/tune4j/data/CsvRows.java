package org.tune4j.data;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.dataformat.csv.CsvFactory;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.tune4j.InputException;

/**
 * Comma-separated values (RFC 4180), or tabs in a {@code .tsv}; the first line names the columns.
 */
final class CsvRows {
  private static final CsvFactory FACTORY =
      CsvFactory.builder().streamReadConstraints(JsonRows.LIMITS).build();

  private CsvRows() {}

  static void read(Path file, RowSink sink) throws IOException {
    boolean tabs = file.toString().toLowerCase(Locale.ROOT).endsWith(".tsv");
    CsvSchema schema = CsvSchema.emptySchema().withColumnSeparator(tabs ? '\t' : ',');
    long n = 0;
    try (Reader text =
            new InputStreamReader(PlainBytes.open(file), StandardCharsets.UTF_8.newDecoder());
        MappingIterator<String[]> rows =
            new CsvMapper(FACTORY)
                .readerForArrayOf(String.class)
                .with(schema)
                .with(CsvParser.Feature.WRAP_AS_ARRAY)
                .with(CsvParser.Feature.SKIP_EMPTY_LINES)
                .readValues(text)) {
      String[] header = {};
      while (rows.hasNextValue()) {
        // The parser has passed the blank lines before a row, and nothing of the row.
        DataRow.Place at = place(rows.getParser().currentLocation());
        String[] values = rows.nextValue();
        if (header.length == 0) {
          header = values;
          continue;
        }
        n++;
        if (values.length == header.length) {
          sink.row(new DataRow(file, n, at, cells(header, values, at)));
        } else {
          sink.bad(
              DataRow.wrong(
                  file,
                  n,
                  at,
                  "has %d values, expected %d: %s"
                      .formatted(values.length, header.length, String.join(", ", header)),
                  null));
        }
      }
    } catch (JsonProcessingException e) {
      // Where the next row begins cannot be told: nothing can be skipped.
      JsonLocation at = e.getLocation();
      throw DataRow.wrong(
          file,
          n + 1,
          at == null ? DataRow.Place.NONE : place(at),
          JsonRows.words(e) + "; expected comma-separated values",
          e);
    } catch (CharacterCodingException e) {
      throw new InputException(
          "data file %s is not UTF-8 after row %d; convert it".formatted(file, n), e);
    }
  }

  private static Map<String, DataRow.Cell> cells(
      String[] header, String[] values, DataRow.Place at) {
    Map<String, DataRow.Cell> cells = new LinkedHashMap<>();
    for (int i = 0; i < header.length; i++) {
      DataRow.put(cells, header[i], new DataRow.Cell(new TextNode(values[i]), at));
    }
    return cells;
  }

  private static DataRow.Place place(JsonLocation at) {
    return new DataRow.Place(at.getLineNr(), at.getColumnNr());
  }
}

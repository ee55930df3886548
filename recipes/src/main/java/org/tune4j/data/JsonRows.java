package org.tune4j.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;

/** The objects of a JSON array, or of JSON Lines. */
final class JsonRows {
  private static final String EXPECTED =
      "; expected a JSON array of objects or one object per line";

  /** A text may be as long as a line. */
  static final StreamReadConstraints LIMITS =
      StreamReadConstraints.builder().maxStringLength(ByteLines.LONGEST).build();

  /** Python writes NaN and Infinity, so they are numbers; whoever reads one says what it is. */
  static final ObjectMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                  .streamReadConstraints(LIMITS)
                  .build())
          .build();

  /** What Jackson advises the program to switch on. */
  private static final Pattern FOR_PROGRAMS =
      Pattern.compile(
          ": enable `\\S+` to allow|, from `\\S+`| \\(not recognized as one [^)]*\\)| \\(start marker at .*\\)$");

  private JsonRows() {}

  static void read(Path file, RowSink sink) throws IOException {
    if (isArray(file)) {
      readArray(file, sink);
    } else {
      readLines(file, sink);
    }
  }

  private static boolean isArray(Path file) throws IOException {
    try (InputStream in = PlainBytes.open(file)) {
      byte[] start = in.readNBytes(4096);
      for (byte b : start) {
        if (b > ' ' || b < 0) {
          return b == '[';
        }
      }
      return false;
    }
  }

  private static void readArray(Path file, RowSink sink) throws IOException {
    long n = 1;
    try (InputStream bytes = PlainBytes.open(file);
        JsonParser in = MAPPER.getFactory().createParser(bytes)) {
      in.nextToken();
      for (; in.nextToken() != JsonToken.END_ARRAY; n++) {
        object(file, n, in, sink);
      }
      if (in.nextToken() != null) {
        throw DataRow.wrong(
            file,
            n,
            place(in.currentTokenLocation(), 0),
            "there is more after the array" + EXPECTED,
            null);
      }
    } catch (JsonProcessingException e) {
      // Where the next row begins cannot be told: nothing can be skipped.
      throw malformed(file, n, e, 0);
    }
  }

  private static void readLines(Path file, RowSink sink) throws IOException {
    long n = 0;
    try (ByteLines lines = ByteLines.open(file)) {
      for (byte[] line = lines.next(); line != null; line = lines.next()) {
        if (isBlank(line)) {
          continue;
        }
        n++;
        InputException bad = readLine(file, n, line, lines.line(), sink);
        if (bad != null) {
          sink.bad(bad);
        }
      }
    }
  }

  private static @Nullable InputException readLine(
      Path file, long n, byte[] line, int number, RowSink sink) throws IOException {
    try (JsonParser in = MAPPER.getFactory().createParser(line)) {
      in.nextToken();
      DataRow.Place at = new DataRow.Place(number, 1);
      if (in.currentToken() != JsonToken.START_OBJECT) {
        return notAnObject(file, n, in, at);
      }
      DataRow row = new DataRow(file, n, at, cells(in, number));
      if (in.nextToken() != null) {
        return DataRow.wrong(
            file,
            n,
            place(in.currentTokenLocation(), number),
            "there is more after the object" + EXPECTED,
            null);
      }
      sink.row(row);
      return null;
    } catch (JsonProcessingException e) {
      return malformed(file, n, e, number);
    } catch (java.io.CharConversionException e) {
      return DataRow.wrong(file, n, new DataRow.Place(number, 1), e.getMessage() + EXPECTED, e);
    }
  }

  private static void object(Path file, long n, JsonParser in, RowSink sink) throws IOException {
    DataRow.Place at = place(in.currentTokenLocation(), 0);
    if (in.currentToken() == JsonToken.START_OBJECT) {
      sink.row(new DataRow(file, n, at, cells(in, 0)));
    } else {
      InputException bad = notAnObject(file, n, in, at);
      in.skipChildren();
      sink.bad(bad);
    }
  }

  /** The fields of the object that the parser stands at. */
  private static Map<String, DataRow.Cell> cells(JsonParser in, int line) throws IOException {
    Map<String, DataRow.Cell> cells = new LinkedHashMap<>();
    for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
      in.nextToken();
      DataRow.Place at = place(in.currentTokenLocation(), line);
      cells.put(name, new DataRow.Cell(MAPPER.readTree(in), at));
    }
    return cells;
  }

  private static InputException notAnObject(Path file, long n, JsonParser in, DataRow.Place at) {
    JsonToken token = in.currentToken();
    String found =
        token == null
            ? "blank"
            : switch (token) {
              case START_ARRAY -> "an array";
              case VALUE_STRING -> "a string";
              case VALUE_NULL -> "null";
              case VALUE_TRUE, VALUE_FALSE ->
                  "'" + token.name().substring(6).toLowerCase(Locale.ROOT) + "'";
              default -> "a number";
            };
    return DataRow.wrong(file, n, at, "is " + found + ", expected an object with columns", null);
  }

  private static InputException malformed(Path file, long n, JsonProcessingException e, int line) {
    JsonLocation at = e.getLocation();
    return DataRow.wrong(
        file,
        n,
        at == null ? new DataRow.Place(Math.max(1, line), 1) : place(at, line),
        words(e) + EXPECTED,
        e);
  }

  /** What Jackson says, for users. */
  static String words(JsonProcessingException e) {
    return FOR_PROGRAMS.matcher(e.getOriginalMessage()).replaceAll("");
  }

  /** A parser over one line counts from 1: {@code line} is that line's number, or 0. */
  private static DataRow.Place place(JsonLocation at, int line) {
    return new DataRow.Place(line == 0 ? at.getLineNr() : line, at.getColumnNr());
  }

  private static boolean isBlank(byte[] line) {
    for (byte b : line) {
      if (b != ' ' && b != '\t' && b != '\r') {
        return false;
      }
    }
    return true;
  }
}

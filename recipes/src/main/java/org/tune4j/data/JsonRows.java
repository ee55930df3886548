package org.tune4j.data;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tune4j.InputException;

/** The objects of a JSON array or of JSON Lines. */
final class JsonRows {
  private JsonRows() {}

  static List<JsonNode> read(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          "data file %s does not exist; set dataset.data_files to a JSON or JSONL file"
              .formatted(file));
    }
    List<JsonNode> rows = new ArrayList<>();
    ObjectMapper mapper = new ObjectMapper();
    try (JsonParser in = mapper.getFactory().createParser(file.toFile())) {
      boolean array = in.nextToken() == JsonToken.START_ARRAY;
      for (JsonToken t = array ? in.nextToken() : in.currentToken();
          t != null && t != JsonToken.END_ARRAY;
          t = in.nextToken()) {
        JsonNode row = mapper.readTree(in);
        if (!row.isObject()) {
          throw new InputException(
              "%s: row %d is %s, expected an object with columns"
                  .formatted(
                      file,
                      rows.size() + 1,
                      row.getNodeType().name().toLowerCase(java.util.Locale.ROOT)));
        }
        rows.add(row);
      }
    } catch (JsonProcessingException e) {
      throw new InputException(
          "%s: row %d, line %d: %s; expected a JSON array of objects or one object a line"
              .formatted(
                  file,
                  rows.size() + 1,
                  e.getLocation() == null ? 0 : e.getLocation().getLineNr(),
                  e.getOriginalMessage()),
          e);
    } catch (IOException e) {
      throw new InputException("data file %s cannot be read: %s".formatted(file, e), e);
    }
    if (rows.isEmpty()) {
      throw new InputException("data file %s holds no rows; expected at least one".formatted(file));
    }
    return rows;
  }
}

package org.tune4j.data;

import com.fasterxml.jackson.databind.node.TextNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/** Plain text: each line is a row whose only column is {@code text}. */
final class TextRows {
  private TextRows() {}

  static void read(Path file, RowSink sink) throws IOException {
    try (ByteLines lines = ByteLines.open(file)) {
      long n = 0;
      for (byte[] line = lines.next(); line != null; line = lines.next()) {
        if (line.length == 0) {
          continue;
        }
        DataRow.Place at = new DataRow.Place(lines.line(), 1);
        n++;
        try {
          String text =
              StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(line)).toString();
          sink.row(
              new DataRow(file, n, at, Map.of("text", new DataRow.Cell(new TextNode(text), at))));
        } catch (CharacterCodingException e) {
          sink.bad(DataRow.wrong(file, n, at, "the line is not UTF-8, expected text", e));
        }
      }
    }
  }
}

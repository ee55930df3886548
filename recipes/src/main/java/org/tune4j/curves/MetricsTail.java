package org.tune4j.curves;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Follows a {@code metrics.jsonl} while it grows: each {@link #read} takes the whole lines that are
 * new. A file that was cut or replaced, as by a resumed run, is read again from its beginning.
 */
final class MetricsTail {
  private static final int CHUNK = 1 << 20;

  /** How much before {@code offset} must still be there for the file to be the same one. */
  private static final int MARK = 512;

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS) // as Python writes them
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
          .disable(StreamReadFeature.AUTO_CLOSE_SOURCE)
          .build();

  private MetricColumns columns = new MetricColumns();
  private int badLines;
  private long offset;
  private byte[] mark = {};
  private @Nullable Object key;
  private @Nullable FileTime modified;
  private long size;

  MetricColumns columns() {
    return columns;
  }

  /** Lines that are no JSON object with a step. */
  int badLines() {
    return badLines;
  }

  /**
   * Reads on.
   *
   * @param file a regular file; a link is refused
   * @return whether anything changed
   */
  boolean read(Path file) throws IOException {
    BasicFileAttributes now =
        Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!now.isRegularFile()) {
      throw new IOException("it is not a regular file"); // a pipe would be waited for
    }
    if (Objects.equals(key, now.fileKey())
        && now.size() == size
        && now.lastModifiedTime().equals(modified)) {
      return false;
    }
    try (FileChannel in =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      boolean anew = !Objects.equals(key, now.fileKey()) || !goesOn(in);
      if (anew) {
        columns = new MetricColumns();
        badLines = 0;
        offset = 0;
        mark = new byte[0];
      }
      boolean grown = readLines(in);
      key = now.fileKey();
      modified = now.lastModifiedTime();
      size = now.size();
      return anew || grown;
    }
  }

  private boolean goesOn(FileChannel in) throws IOException {
    return in.size() >= offset && Arrays.equals(mark, before(in, offset));
  }

  private static byte[] before(FileChannel in, long end) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(MARK, end));
    long start = end - bytes.capacity();
    while (bytes.hasRemaining() && in.read(bytes, start + bytes.position()) > 0) {}
    return Arrays.copyOf(bytes.array(), bytes.position());
  }

  private boolean readLines(FileChannel in) throws IOException {
    long began = offset;
    byte[] chunk = new byte[(int) Math.min(CHUNK, Math.max(1, in.size() - offset))];
    boolean tooLong = false; // inside a line that fills more than a chunk
    long position = offset;
    int kept = 0;
    while (true) {
      int n = in.read(ByteBuffer.wrap(chunk, kept, chunk.length - kept), position);
      if (n <= 0) {
        break;
      }
      position += n;
      int end = kept + n;
      int start = 0;
      for (int i = kept; i < end; i++) {
        if (chunk[i] == '\n') {
          if (tooLong) {
            badLines++;
            tooLong = false;
          } else {
            line(chunk, start, i - start);
          }
          start = i + 1;
          offset = position - (end - start);
        }
      }
      kept = end - start;
      System.arraycopy(chunk, start, chunk, 0, kept);
      if (kept == chunk.length) {
        if (chunk.length < CHUNK) {
          chunk = Arrays.copyOf(chunk, CHUNK); // the file grew since its size was asked
        } else {
          tooLong = true;
          kept = 0;
        }
      }
    }
    mark = before(in, offset);
    return offset > began;
  }

  private void line(byte[] bytes, int start, int length) {
    columns.begin();
    boolean lossIsFinite = true;
    double step = Double.NaN;
    try (JsonParser in = JSON.createParser(bytes, start, length)) {
      JsonToken first = in.nextToken();
      if (first == null) {
        return; // an empty line
      }
      if (first == JsonToken.START_OBJECT) {
        while (in.nextToken() == JsonToken.FIELD_NAME) {
          String name = in.currentName();
          in.nextToken();
          double value = number(in);
          if (name.equals("step")) {
            step = value;
          } else if (!Double.isNaN(value)) {
            columns.set(name, value);
          }
          lossIsFinite &= !name.equals("loss") || Double.isFinite(value);
          in.skipChildren();
        }
      }
      if (step >= 0 && step < 1L << 53 && in.currentToken() == JsonToken.END_OBJECT) {
        columns.end((long) step, lossIsFinite);
        return;
      }
    } catch (IOException e) {
      // Counted below: a line that others wrote is no reason not to show the rest.
    }
    badLines++;
  }

  private static double number(JsonParser in) throws IOException {
    JsonToken token = in.currentToken();
    if (token == JsonToken.VALUE_NUMBER_INT || token == JsonToken.VALUE_NUMBER_FLOAT) {
      return in.getDoubleValue();
    }
    if (token == JsonToken.VALUE_STRING) {
      return switch (in.getText()) {
        case "Infinity" -> Double.POSITIVE_INFINITY;
        case "-Infinity" -> Double.NEGATIVE_INFINITY;
        default -> Double.NaN;
      };
    }
    return Double.NaN;
  }
}

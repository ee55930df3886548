package org.tune4j.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/** The JSON header of a safetensors file, parsed as a stream: it may be large and hostile. */
final class SafetensorsHeader {
  private static final int MAX_DIMENSIONS = 32;
  private static final String METADATA = "__metadata__";

  // Names come from files: interning them would let a file fill memory that is never given back.
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
          .build();

  private final Path path;
  private final JsonParser json;
  private final long dataStart;
  private final long dataBytes;
  private final Map<String, Entry> entries = new HashMap<>();
  private @Nullable Map<String, String> metadata;

  private SafetensorsHeader(Path path, JsonParser json, long dataStart, long fileSize) {
    this.path = path;
    this.json = json;
    this.dataStart = dataStart;
    this.dataBytes = fileSize - dataStart;
  }

  /**
   * @param dataStart where the tensors' bytes begin, counted from the start of the file
   */
  static SafetensorsHeader parse(Path path, String text, long dataStart, long fileSize)
      throws IOException {
    try (JsonParser json = JSON.createParser(text)) {
      SafetensorsHeader header = new SafetensorsHeader(path, json, dataStart, fileSize);
      header.readTop();
      header.checkLayout();
      return header;
    } catch (JsonProcessingException e) {
      throw SafetensorsFile.broken(
          path, "its header is not valid JSON (" + e.getOriginalMessage() + ")", e);
    }
  }

  /** In the order of the bytes. */
  Map<String, Entry> entries() {
    Map<String, Entry> ordered = new LinkedHashMap<>();
    inFileOrder().forEach(entry -> ordered.put(entry.name(), entry));
    return Collections.unmodifiableMap(ordered);
  }

  Map<String, String> metadata() {
    return metadata == null ? Map.of() : Collections.unmodifiableMap(metadata);
  }

  private void readTop() throws IOException {
    json.nextToken();
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String name = json.currentName();
      json.nextToken();
      if (name.equals(METADATA)) {
        readMetadata();
      } else if (entries.put(name, readEntry(name)) != null) {
        throw broken("tensor " + Texts.quoted(name) + " is declared twice");
      }
    }
    if (json.nextToken() != null) {
      throw broken("its header goes on after the closing '}'");
    }
  }

  private void readMetadata() throws IOException {
    if (metadata != null) {
      throw broken(METADATA + " is declared twice");
    }
    Map<String, String> map = new LinkedHashMap<>();
    expect(JsonToken.START_OBJECT, METADATA, "an object of strings");
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String key = json.currentName();
      json.nextToken();
      expect(JsonToken.VALUE_STRING, METADATA + " " + Texts.quoted(key), "a string");
      if (map.put(key, json.getText()) != null) {
        throw broken(METADATA + " " + Texts.quoted(key) + " is declared twice");
      }
    }
    metadata = map;
  }

  private Entry readEntry(String name) throws IOException {
    String where = "tensor " + Texts.quoted(name);
    expect(JsonToken.START_OBJECT, where, "an object with dtype, shape and data_offsets");
    SafetensorsType type = null;
    List<Long> shape = null;
    List<Long> offsets = null;
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      json.nextToken();
      switch (field) {
        case "dtype" -> type = once(where, field, type, readType(where));
        case "shape" -> shape = once(where, field, shape, readNumbers(where, field));
        case "data_offsets" -> offsets = once(where, field, offsets, readNumbers(where, field));
        default ->
            throw broken(
                where
                    + " has a field "
                    + Texts.quoted(field)
                    + ", expected dtype, shape and data_offsets only");
      }
    }
    return entry(
        name,
        present(where, "dtype", type),
        present(where, "shape", shape),
        present(where, "data_offsets", offsets));
  }

  private Entry entry(String name, SafetensorsType type, List<Long> shape, List<Long> offsets) {
    String where = "tensor " + Texts.quoted(name);
    if (offsets.size() != 2) {
      throw broken(where + " has " + offsets.size() + " data_offsets, expected begin and end");
    }
    long begin = offsets.get(0);
    long end = offsets.get(1);
    if (begin > end) {
      throw broken(where + " ends at " + end + " before it begins at " + begin);
    }
    if (end > dataBytes) {
      throw broken(
          where
              + " ends at byte "
              + end
              + ", but the file holds "
              + dataBytes
              + " bytes of tensors; it is truncated");
    }
    long expected = bytes(where, type, shape);
    if (end - begin != expected) {
      throw broken(
          where
              + " has "
              + (end - begin)
              + " bytes, expected "
              + expected
              + " for "
              + type
              + " "
              + shape);
    }
    return new Entry(name, type, shape, dataStart + begin, expected);
  }

  private long bytes(String where, SafetensorsType type, List<Long> shape) {
    try {
      return byteLength(type, shape);
    } catch (ArithmeticException e) {
      throw SafetensorsFile.broken(path, where + " has an overflowing shape " + shape, e);
    }
  }

  /**
   * Bytes of a tensor.
   *
   * @throws ArithmeticException if a partial product exceeds a {@code long}, even if a later size
   *     is 0
   */
  static long byteLength(SafetensorsType type, List<Long> shape) {
    long product = type.bytes();
    for (long size : shape) {
      product = Math.multiplyExact(product, size);
    }
    return product;
  }

  private SafetensorsType readType(String where) throws IOException {
    expect(JsonToken.VALUE_STRING, where + ": dtype", "a string");
    String name = json.getText();
    return SafetensorsType.named(name)
        .orElseThrow(
            () ->
                new InputException(
                    path
                        + ": "
                        + where
                        + " has the unknown dtype "
                        + Texts.quoted(name)
                        + ", expected one of "
                        + SafetensorsType.accepted()
                        + "; convert the checkpoint"));
  }

  private List<Long> readNumbers(String where, String field) throws IOException {
    String what = where + ": " + field;
    expect(JsonToken.START_ARRAY, what, "an array of integers");
    List<Long> numbers = new ArrayList<>();
    while (json.nextToken() != JsonToken.END_ARRAY) {
      expect(JsonToken.VALUE_NUMBER_INT, what, "integers");
      if (json.getNumberType() == JsonParser.NumberType.BIG_INTEGER || json.getLongValue() < 0) {
        throw broken(what + " holds " + Texts.quoted(json.getText()) + ", expected 0 to 2^63 - 1");
      }
      if (numbers.size() == MAX_DIMENSIONS) {
        throw broken(what + " holds more than " + MAX_DIMENSIONS + " numbers");
      }
      numbers.add(json.getLongValue());
    }
    return numbers;
  }

  private void expect(JsonToken token, String what, String expected) throws IOException {
    if (json.currentToken() != token) {
      String found = json.currentToken() == null ? "nothing" : Texts.quoted(json.getText());
      throw broken(what + " is " + found + ", expected " + expected);
    }
  }

  private <T> T once(String where, String field, @Nullable T before, T value) {
    if (before != null) {
      throw broken(where + " has " + field + " twice");
    }
    return value;
  }

  private <T> T present(String where, String field, @Nullable T value) {
    if (value == null) {
      throw broken(where + " has no " + field);
    }
    return value;
  }

  private void checkLayout() {
    long position = dataStart;
    String previous = "the header";
    for (Entry entry : inFileOrder()) {
      String where = "tensor " + Texts.quoted(entry.name());
      if (entry.offset() < position) {
        throw broken(
            where + " overlaps " + previous + " by " + (position - entry.offset()) + " bytes");
      }
      if (entry.offset() > position) {
        throw broken(
            (entry.offset() - position)
                + " unused bytes are between "
                + previous
                + " and "
                + where);
      }
      position = entry.offset() + entry.length();
      previous = where;
    }
    long rest = dataStart + dataBytes - position;
    if (rest > 0) {
      throw broken(rest + " bytes follow after " + previous);
    }
  }

  private List<Entry> inFileOrder() {
    List<Entry> ordered = new ArrayList<>(entries.values());
    ordered.sort(
        Comparator.comparingLong(Entry::offset)
            .thenComparingLong(Entry::length)
            .thenComparing(Entry::name));
    return ordered;
  }

  private InputException broken(String why) {
    return SafetensorsFile.broken(path, why, null);
  }
}

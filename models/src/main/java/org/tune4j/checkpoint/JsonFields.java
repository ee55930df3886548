package org.tune4j.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.TuneException;

/**
 * The fields of a JSON object in a file. A value that is not what was asked for is an {@link
 * InputException} that names the file and the field.
 */
public final class JsonFields {
  private static final long MAX_BYTES = 256_000_000;

  /** Reads and writes NaN and Infinity as Python's json does. */
  static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /** Jackson's messages also say where an open bracket is, and which of its settings decides. */
  private static final Pattern LIBRARY_WORDS =
      Pattern.compile(
          " \\(or 'NaN'[^)]*\\)| \\(start marker at .*?\\]\\)| \\(not recognized as one since"
              + " [^)]*\\)|(, from|: enable| \\(bound as) `[^`]*`( to allow|\\): not allowed as per"
              + " `[^`]*`)?");

  private final Path file;
  private final String prefix;
  private final ObjectNode node;

  private JsonFields(Path file, String prefix, ObjectNode node) {
    this.file = file;
    this.prefix = prefix;
    this.node = node;
  }

  /**
   * {@return the fields of a resource beside a class; none where it does not exist}
   *
   * @param beside the resource
   * @param name of the resource
   */
  public static JsonFields resource(Class<?> beside, String name) {
    try (InputStream in = beside.getResourceAsStream(name)) {
      JsonNode node = in == null ? MAPPER.createObjectNode() : MAPPER.readTree(in);
      return new JsonFields(Path.of(name), "", (ObjectNode) node);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The fields of what a file says in another form than JSON. */
  static JsonFields of(Path file, Map<String, Object> fields) {
    return new JsonFields(file, "", MAPPER.valueToTree(fields));
  }

  /**
   * {@return the fields of a file's object}
   *
   * @param file exists
   * @throws InputException if the file cannot be read or contains no JSON object
   */
  public static JsonFields read(Path file) {
    RegularFile.require(file, "a JSON file");
    try {
      long size = Files.size(file);
      if (size > MAX_BYTES) {
        throw new InputException(
            file + " has " + Texts.size(size) + ", expected a JSON file; download the file again");
      }
      return parse(file, "", Files.readAllBytes(file));
    } catch (IOException e) {
      throw new InputException("cannot read " + file + ": " + TuneException.reason(e), e);
    }
  }

  /**
   * The fields of an object that is a part of a file.
   *
   * @param prefix of the fields' names in messages
   */
  static JsonFields parse(Path file, String prefix, byte[] json) {
    String what = prefix.isEmpty() ? file.toString() : file + ": " + prefix;
    try {
      if (MAPPER.readTree(json) instanceof ObjectNode object) {
        return new JsonFields(file, prefix, object);
      }
      throw new InputException(what + " contains no JSON object; download the file again");
    } catch (JsonProcessingException e) {
      throw new InputException(
          what + " is not valid JSON (" + position(e) + "); download the file again", e);
    } catch (IOException e) {
      throw new InputException("cannot read " + file + ": " + TuneException.reason(e), e);
    }
  }

  private static String position(JsonProcessingException e) {
    String what = LIBRARY_WORDS.matcher(e.getOriginalMessage()).replaceAll("");
    return e.getLocation() == null
        ? what
        : "line "
            + e.getLocation().getLineNr()
            + ", column "
            + e.getLocation().getColumnNr()
            + ": "
            + what;
  }

  /** {@return the file} */
  public Path file() {
    return file;
  }

  /** {@return everything as plain maps, lists, texts, numbers and booleans; nulls are kept} */
  public Map<String, Object> toMap() {
    return Collections.unmodifiableMap(
        MAPPER.convertValue(node, new TypeReference<LinkedHashMap<String, Object>>() {}));
  }

  /** {@return an object of no fields in the same file} */
  public JsonFields empty() {
    return new JsonFields(file, prefix, MAPPER.createObjectNode());
  }

  /**
   * {@return these fields, one of them as it is in others where they mention it}
   *
   * @param field its name
   * @param others of the same file
   */
  public JsonFields with(String field, JsonFields others) {
    return others.mentions(field)
        ? new JsonFields(file, prefix, node.deepCopy().set(field, others.node.get(field)))
        : this;
  }

  /** The same with another value of a field. */
  JsonFields set(String field, Object value) {
    return new JsonFields(
        file, prefix, node.deepCopy().set(field, MAPPER.<JsonNode>valueToTree(value)));
  }

  /** {@return whether these are what an image model's file says of its text model} */
  public boolean isTextModel() {
    return prefix.equals(TextModel.CONFIG + ".");
  }

  /** {@return whether there are no fields} */
  public boolean isEmpty() {
    return node.isEmpty();
  }

  /**
   * {@return whether the field is there and not null}
   *
   * @param field its name
   */
  public boolean has(String field) {
    return node.hasNonNull(field);
  }

  /**
   * {@return whether the field is there, null included}
   *
   * @param field its name
   */
  public boolean mentions(String field) {
    return node.has(field);
  }

  /**
   * {@return the field's value; null for a missing or null field}
   *
   * @param field its name
   */
  public @Nullable JsonNode value(String field) {
    return has(field) ? node.get(field) : null;
  }

  /**
   * {@return the object of that name}
   *
   * @param field its name
   */
  public JsonFields object(String field) {
    JsonNode value = require(field, "an object");
    if (value instanceof ObjectNode object) {
      return new JsonFields(file, prefix + field + ".", object);
    }
    throw wrong(field, "an object");
  }

  /**
   * {@return an integer of at least 1}
   *
   * @param field its name
   */
  public int positive(String field) {
    return wholeNumber(field, 1);
  }

  /**
   * {@return the same of a field that may be absent}
   *
   * @param field its name
   * @param absent for a missing or null field
   */
  public int positive(String field, int absent) {
    return has(field) ? wholeNumber(field, 1) : absent;
  }

  /**
   * {@return an integer}
   *
   * @param field its name
   * @param least that it may be
   */
  public int wholeNumber(String field, int least) {
    return wholeNumber(field, least, Integer.MAX_VALUE);
  }

  /**
   * {@return an integer from 1 to {@code most}}
   *
   * @param field its name
   * @param absent where the field is not even null
   * @param most that it may be
   */
  public int size(String field, int absent, int most) {
    return mentions(field) ? wholeNumber(field, 1, most) : absent;
  }

  private int wholeNumber(String field, int least, int most) {
    String expected =
        most == Integer.MAX_VALUE
            ? "an integer of at least " + least
            : "an integer from %d to %d".formatted(least, most);
    JsonNode value = require(field, expected);
    if (!value.isIntegralNumber()
        || !value.canConvertToInt()
        || value.intValue() < least
        || value.intValue() > most) {
      throw wrong(field, expected);
    }
    return value.intValue();
  }

  /**
   * {@return a finite number above 0}
   *
   * @param field its name
   */
  public double positiveDecimal(String field) {
    String expected = "a number above 0";
    JsonNode value = require(field, expected);
    if (!value.isNumber() || !Double.isFinite(value.doubleValue()) || value.doubleValue() <= 0) {
      throw wrong(field, expected);
    }
    return value.doubleValue();
  }

  /**
   * {@return the same of a field that may be absent}
   *
   * @param field its name
   * @param absent for a missing or null field
   */
  public double positiveDecimal(String field, double absent) {
    return has(field) ? positiveDecimal(field) : absent;
  }

  /** A finite number. */
  double decimal(String field) {
    JsonNode value = require(field, "a number");
    if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
      throw wrong(field, "a number");
    }
    return value.doubleValue();
  }

  /**
   * {@return true or false}
   *
   * @param field its name
   * @param absent for a missing or null field
   */
  public boolean flag(String field, boolean absent) {
    JsonNode value = value(field);
    if (value == null) {
      return absent;
    }
    if (!value.isBoolean()) {
      throw wrong(field, "true or false");
    }
    return value.booleanValue();
  }

  /**
   * {@return a text}
   *
   * @param field its name
   */
  public String text(String field) {
    JsonNode value = require(field, "a string");
    if (!value.isTextual()) {
      throw wrong(field, "a string");
    }
    return value.textValue();
  }

  /**
   * {@return a text; empty for a missing or null field}
   *
   * @param field its name
   */
  public Optional<String> optionalText(String field) {
    return has(field) ? Optional.of(text(field)) : Optional.empty();
  }

  /** A list of integers of at least 1. */
  List<Long> longs(String field) {
    String expected = "a list of integers of at least 1";
    List<Long> all = new ArrayList<>();
    for (JsonNode value : require(field, expected)) {
      if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
        throw wrong(field, expected);
      }
      all.add(value.longValue());
    }
    return all;
  }

  private JsonNode require(String field, String expected) {
    JsonNode value = value(field);
    if (value == null) {
      throw new InputException(file + ": " + prefix + field + " is missing, expected " + expected);
    }
    return value;
  }

  /**
   * {@return the error for a value that is there and is not what was expected}
   *
   * @param field its name
   * @param expected what it may be, and the fix
   */
  public InputException wrong(String field, String expected) {
    return new InputException(
        file + ": " + prefix + field + " is " + shown(field) + ", expected " + expected);
  }

  /** The field's value as JSON, shortened. */
  String shown(String field) {
    String json = String.valueOf(node.get(field));
    return json.length() > 80 ? json.substring(0, 80) + "..." : json;
  }
}

package org.tune4j.serve;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.NullNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.config.Nearest;

/**
 * A request's object: each key is asked for by its type and range; keys that nobody asks for are
 * wrong.
 */
final class JsonBody {
  private static final ObjectMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final JsonNode object;
  private final Set<String> known = new LinkedHashSet<>();

  private JsonBody(JsonNode object) {
    this.object = object;
  }

  static JsonBody parse(byte[] body) {
    JsonNode node;
    try {
      node = JSON.readTree(body);
    } catch (JacksonException e) {
      throw ApiError.invalid(
          null,
          "the body is not JSON: "
              + e.getOriginalMessage().replaceAll("\\s*\\([^(]*\\[Source.*|\\s+$", ""));
    } catch (IOException e) {
      throw ApiError.invalid(null, "the body is not JSON: it cannot be decoded");
    }
    if (!node.isObject()) {
      throw ApiError.invalid(null, "the body is not a JSON object");
    }
    return new JsonBody(node);
  }

  /** The value as it is; null for none. */
  @Nullable JsonNode get(String key) {
    known.add(key);
    JsonNode value = object.path(key);
    return value.isMissingNode() || value instanceof NullNode ? null : value;
  }

  /** A text, which must be there. */
  String text(String key) {
    JsonNode value = get(key);
    if (value == null || !value.isTextual()) {
      throw wrong(key, "a string");
    }
    return whole(value.asText());
  }

  boolean bool(String key) {
    JsonNode value = get(key);
    if (value != null && !value.isBoolean()) {
      throw wrong(key, "true or false");
    }
    return value != null && value.booleanValue();
  }

  double number(String key, double least, double most, double otherwise) {
    JsonNode value = get(key);
    if (value == null) {
      return otherwise;
    }
    if (!value.isNumber() || !(value.doubleValue() >= least && value.doubleValue() <= most)) {
      throw wrong(key, "a number from %s to %s".formatted(least, most));
    }
    return value.doubleValue();
  }

  long integer(String key, long least, long most, long otherwise) {
    JsonNode value = get(key);
    if (value == null) {
      return otherwise;
    }
    // 1.0 is an integer too.
    boolean whole =
        value.isIntegralNumber()
            ? value.canConvertToLong()
            : value.isNumber()
                && value.doubleValue() == Math.rint(value.doubleValue())
                && Math.abs(value.doubleValue()) < 0x1p63;
    if (!whole || value.longValue() < least || value.longValue() > most) {
      throw wrong(key, "an integer from %d to %d".formatted(least, most));
    }
    return value.longValue();
  }

  /** A text or a list of texts, none of them empty. */
  List<String> texts(String key, int most) {
    JsonNode value = get(key);
    List<String> all = new ArrayList<>();
    if (value != null) {
      (value.isArray() ? value : List.of(value))
          .forEach(
              v -> {
                if (!v.isTextual() || v.asText().isEmpty()) {
                  throw wrong(key, "a string, or up to %d non-empty strings".formatted(most));
                }
                all.add(whole(v.asText()));
              });
    }
    if (all.size() > most) {
      throw wrong(key, "a string, or up to %d non-empty strings".formatted(most));
    }
    return all;
  }

  /** A key that would change the answer and is not supported: absent, or what does nothing. */
  void without(String key, String nothing) {
    JsonNode value = get(key);
    boolean empty =
        value == null
            || (value.isContainerNode() && value.isEmpty())
            || (value.isNumber() && value.doubleValue() == 0)
            || (value.isTextual() && value.asText().isEmpty());
    if (!empty) {
      throw ApiError.invalid(key, "'%s' is not supported; leave it out%s".formatted(key, nothing));
    }
  }

  /** Keys that change nothing here. */
  void ignore(String... keys) {
    known.addAll(List.of(keys));
  }

  /** To be called when all is asked for. */
  void refuseOthers() {
    object
        .fieldNames()
        .forEachRemaining(
            key -> {
              if (!known.contains(key)) {
                String hint =
                    Nearest.of(key, known).map("; did you mean '%s'?"::formatted).orElse("");
                throw ApiError.invalid(
                    whole(key), "key '%s' is not known%s".formatted(whole(key), hint));
              }
            });
  }

  ApiError wrong(String key, String expected) {
    JsonNode value = object.path(key);
    return ApiError.invalid(
        key,
        value.isMissingNode()
            ? "'%s' is missing; expected %s".formatted(key, expected)
            : "'%s' is %s, expected %s".formatted(key, shown(value), expected));
  }

  /** As much as fits a line. */
  static String shown(JsonNode value) {
    String found = value.toString();
    return found.length() > 60 ? found.substring(0, 60) + "..." : found;
  }

  /** Half a character, which JSON can write and no tokenizer can read, is shown as such. */
  static String whole(String text) {
    StringBuilder out = null;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean pair =
          Character.isHighSurrogate(c)
              && i + 1 < text.length()
              && Character.isLowSurrogate(text.charAt(i + 1));
      if (pair) {
        i++;
      } else if (Character.isSurrogate(c)) {
        out = out == null ? new StringBuilder(text) : out;
        out.setCharAt(i, '\uFFFD');
      }
    }
    return out == null ? text : out.toString();
  }
}

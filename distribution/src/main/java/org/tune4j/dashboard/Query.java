package org.tune4j.dashboard;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The part of an address behind {@code ?}, checked. */
final class Query {
  private final Map<String, List<String>> values = new LinkedHashMap<>();

  /**
   * Takes an address's query apart.
   *
   * @param raw as it was sent, null where there is none
   * @param known the names that may occur
   * @throws Refusal when it cannot be decoded or has another name
   */
  Query(@Nullable String raw, Set<String> known) {
    if (raw == null || raw.isEmpty()) {
      return;
    }
    for (String part : raw.split("&")) {
      int equals = part.indexOf('=');
      String name = decode(equals < 0 ? part : part.substring(0, equals));
      if (!known.contains(name)) {
        throw new Refusal(
            400, "there is no parameter '%s'; there are %s".formatted(name, sorted(known)));
      }
      values
          .computeIfAbsent(name, n -> new ArrayList<>())
          .add(equals < 0 ? "" : decode(part.substring(equals + 1)));
    }
  }

  private static String decode(String part) {
    try {
      return URLDecoder.decode(part, StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw new Refusal(400, "'%s' is not an address's encoding".formatted(part));
    }
  }

  private static String sorted(Set<String> names) {
    return names.isEmpty() ? "none" : String.join(", ", names.stream().sorted().toList());
  }

  List<String> all(String name) {
    return values.getOrDefault(name, List.of());
  }

  Optional<String> one(String name) {
    List<String> all = all(name);
    if (all.size() > 1) {
      throw new Refusal(400, "%s is given %d times, expected once".formatted(name, all.size()));
    }
    return all.stream().findFirst();
  }

  String required(String name) {
    return one(name).orElseThrow(() -> new Refusal(400, name + " is missing"));
  }

  /** A number from {@code least} to {@code most}. */
  double number(String name, double otherwise, double least, double most) {
    Optional<String> text = one(name);
    if (text.isEmpty()) {
      return otherwise;
    }
    double value;
    try {
      value = Double.parseDouble(text.get());
    } catch (NumberFormatException e) {
      value = Double.NaN;
    }
    if (!(value >= least && value <= most)) {
      throw new Refusal(
          400,
          "%s is '%s', expected a number from %s to %s".formatted(name, text.get(), least, most));
    }
    return value;
  }

  /** One of an enum's constants, by its text. */
  <E extends Enum<E>> E choice(String name, E otherwise) {
    Optional<String> text = one(name);
    if (text.isEmpty()) {
      return otherwise;
    }
    List<E> all = List.of(otherwise.getDeclaringClass().getEnumConstants());
    return all.stream()
        .filter(e -> e.toString().equals(text.get()))
        .findFirst()
        .orElseThrow(
            () ->
                new Refusal(
                    400, "%s is '%s', expected one of %s".formatted(name, text.get(), all)));
  }
}

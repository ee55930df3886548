package org.tune4j.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A value of a config with the place that it comes from. */
sealed interface Node {
  /** {@code FILE:LINE:COLUMN}, or the override's text. */
  String origin();

  /** A text, number, boolean or null, as written. */
  record Scalar(String text, boolean quoted, String origin) implements Node {
    boolean isNull() {
      return !quoted
          && (text.isEmpty() || text.equals("null") || text.equals("~") || text.equals("None"));
    }
  }

  /** A list. */
  record Sequence(List<Node> items, String origin) implements Node {}

  /** Keys and values, in order; changed only while overrides are applied. */
  record Section(Map<String, Node> entries, String origin) implements Node {
    Section copy() {
      Map<String, Node> copy = new LinkedHashMap<>();
      entries.forEach((k, v) -> copy.put(k, v instanceof Section s ? s.copy() : v));
      return new Section(copy, origin);
    }
  }
}

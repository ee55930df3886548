package org.tune4j.jinja;

import java.util.LinkedHashMap;
import java.util.Map;

/** {@code namespace()}: what a loop's body can change for the outside. */
record Namespace(Map<String, Object> attributes) {
  Namespace(Map<String, Object> attributes) {
    this.attributes = new LinkedHashMap<>(attributes);
  }
}

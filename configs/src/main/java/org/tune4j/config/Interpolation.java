package org.tune4j.config;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.tune4j.ConfigException;

/** Fills in every <code>${key}</code> of a config; each key is looked up once. */
final class Interpolation {
  private static final int MAX_DEPTH = 20;

  /** Characters of all values together, as many as a config may have when it is read. */
  private static final int LARGEST = 1 << 20;

  private final Node.Section root;
  private final Map<String, Node.Scalar> done = new HashMap<>();
  private long characters;

  private Interpolation(Node.Section root) {
    this.root = root;
  }

  /**
   * The section with its values filled in.
   *
   * @param variable which keys of the top are left out where another value refers to them
   * @throws ConfigException when a <code>${key}</code> names no plain value or itself, or values
   *     grow too large
   */
  static Node.Section of(Node.Section root, Predicate<String> variable) {
    Interpolation interpolation = new Interpolation(root);
    Node.Section filled = interpolation.section(root);
    filled
        .entries()
        .keySet()
        .removeIf(key -> interpolation.done.containsKey(key) && variable.test(key));
    return filled;
  }

  private Node.Section section(Node.Section s) {
    Map<String, Node> entries = new LinkedHashMap<>();
    s.entries().forEach((k, v) -> entries.put(k, node(v)));
    return new Node.Section(entries, s.origin());
  }

  private Node node(Node n) {
    if (n instanceof Node.Section s) {
      return section(s);
    }
    if (n instanceof Node.Sequence s) {
      return new Node.Sequence(s.items().stream().map(this::node).toList(), s.origin());
    }
    return scalar((Node.Scalar) n, 0);
  }

  private Node.Scalar scalar(Node.Scalar s, int depth) {
    StringBuilder text = new StringBuilder();
    boolean quoted = s.quoted();
    int at = 0;
    while (true) {
      int from = s.text().indexOf("${", at);
      int to = from < 0 ? -1 : s.text().indexOf('}', from);
      if (to < 0) {
        break;
      }
      Node.Scalar value = value(s.text().substring(from + 2, to), s, depth);
      text.append(s.text(), at, from).append(value.text());
      boolean whole = from == 0 && to == s.text().length() - 1;
      quoted = whole ? value.quoted() : quoted;
      at = to + 1;
      characters += value.text().length();
      if (characters > LARGEST) {
        throw new ConfigException(
            List.of(
                "%s: with '${...}' filled in, the config has more than %d characters"
                    .formatted(s.origin(), LARGEST)));
      }
    }
    return at == 0
        ? s
        : new Node.Scalar(text.append(s.text().substring(at)).toString(), quoted, s.origin());
  }

  private Node.Scalar value(String key, Node.Scalar user, int depth) {
    Node.Scalar known = done.get(key);
    if (known != null) {
      return known;
    }
    if (key.equals("tune.home")) {
      return new Node.Scalar(System.getProperty("tune4j.home", "."), user.quoted(), user.origin());
    }
    @Nullable Node found = root;
    for (String part : key.split("\\.")) {
      found = found instanceof Node.Section s ? s.entries().get(part) : null;
    }
    if (found == null) {
      throw new ConfigException(List.of("%s: '${%s}' names no key".formatted(user.origin(), key)));
    }
    if (!(found instanceof Node.Scalar value) || depth == MAX_DEPTH) {
      throw new ConfigException(
          List.of(
              "%s: '${%s}' is not a plain value, or refers to itself"
                  .formatted(user.origin(), key)));
    }
    Node.Scalar filled = scalar(value, depth + 1);
    done.put(key, filled);
    return filled;
  }
}

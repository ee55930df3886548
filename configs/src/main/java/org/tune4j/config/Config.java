package org.tune4j.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.tune4j.ConfigException;
import org.tune4j.UsageException;

/** A YAML config; every value knows its file, line and column. Immutable. */
public final class Config {
  /** The section into which keys at the top can move. */
  static final String MODEL = "model";

  /** torchtune's name at the top for {@code tokenizer.path}. */
  static final String TOKENIZER_CHECKPOINT = "tokenizer_checkpoint";

  private static final String KEEP_LAST_N = "keep_last_n_checkpoints";

  private final String name;
  private final Node.Section root;

  private Config(String name, Node.Section root) {
    this.name = name;
    this.root = root;
  }

  /**
   * {@return a text's config, as written: nothing is interpolated yet}
   *
   * @param name stands for the file in messages
   * @param yaml a mapping, at most 1 MiB of it and 50 levels deep; aliases and {@code <<} count as
   *     what they stand for
   * @throws ConfigException when it is no such YAML, or with every key that stands twice or is no
   *     name
   */
  public static Config parse(String name, String yaml) {
    return new Config(name, NodeReader.read(name, yaml));
  }

  /**
   * This config with overrides, applied in order: {@code a.b=value}, {@code ~a.b} to delete; {@code
   * model=NAME} names another component. Then {@code tokenizer_checkpoint} becomes {@code
   * tokenizer.path}, and every <code>${key}</code> is filled in.
   *
   * @param overrides as on a command line; may be empty
   * @return a new config, its values ready to be bound
   * @throws UsageException when an override is neither, or deletes what is not there
   * @throws ConfigException when a <code>${key}</code> names no plain value
   * @see Binder#resolve(ComponentRegistry, Class, String, Config, List)
   */
  public Config with(List<String> overrides) {
    return with(overrides, Set.of(), key -> false);
  }

  /**
   * The same, with keys that stand at the top moved into the section {@code model}, and without
   * those that only stand there to be filled in elsewhere.
   *
   * @param ofModel the keys that belong there
   * @param variable whether a key means nothing but what refers to it
   */
  Config with(List<String> overrides, Set<String> ofModel, Predicate<String> variable) {
    return overridden(overrides, ofModel).filled(variable);
  }

  /** The same before anything is filled in. */
  Config overridden(List<String> overrides, Set<String> ofModel) {
    Node.Section changed = root.copy();
    for (String o : overrides) {
      int eq = o.indexOf('=');
      if (o.startsWith("~") && o.length() > 1) {
        String[] path = o.substring(1).split("\\.");
        Node.Section section = section(changed, path, o, false);
        if (section.entries().remove(path[path.length - 1]) == null) {
          throw new UsageException(
              "override '%s': there is no such key%s"
                  .formatted(o, Nearest.hint(path[path.length - 1], section.entries().keySet())));
        }
      } else if (eq > 0) {
        String[] path = o.substring(0, eq).split("\\.");
        Node.Section section = section(changed, path, o, true);
        Node value = value(o, o.substring(eq + 1));
        String last = path[path.length - 1];
        if (section.entries().get(last) instanceof Node.Section old
            && value instanceof Node.Scalar component
            && !component.isNull()) {
          old.entries().put("_component_", value);
        } else {
          section.entries().put(last, value);
        }
      } else {
        throw new UsageException("override '%s' is neither KEY=VALUE nor ~KEY".formatted(o));
      }
    }
    ofModel.forEach(key -> move(changed, key, MODEL, key));
    move(changed, TOKENIZER_CHECKPOINT, "tokenizer", "path");
    keepLastN(changed);
    return new Config(name, changed);
  }

  /** With every <code>${key}</code> filled in. */
  Config filled(Predicate<String> variable) {
    return new Config(name, Interpolation.of(root, variable));
  }

  /** Another config with this one's name. */
  Config of(Node.Section other) {
    return new Config(name, other);
  }

  /** Moves a key of the top into a section, where there is that section. */
  private static void move(Node.Section root, String from, String section, String to) {
    if (root.entries().get(section) instanceof Node.Section into) {
      Node value = root.entries().remove(from);
      if (value != null) {
        into.entries().put(to, value);
      }
    }
  }

  /** torchtune has {@code keep_last_n} in the section {@code checkpointer}. */
  private static void keepLastN(Node.Section root) {
    if (root.entries().get("checkpointer") instanceof Node.Section section
        && section.entries().get(KEEP_LAST_N) instanceof Node.Scalar n
        && !n.isNull()) {
      section.entries().remove(KEEP_LAST_N);
      root.entries().putIfAbsent("keep_last_n", n);
    }
  }

  private static Node.Section section(
      Node.Section root, String[] path, String override, boolean make) {
    Node.Section at = root;
    for (int i = 0; i < path.length - 1; i++) {
      Node next = at.entries().get(path[i]);
      if (make && (next == null || (next instanceof Node.Scalar n && n.isNull()))) {
        next = new Node.Section(new LinkedHashMap<>(), "override '" + override + "'");
        at.entries().put(path[i], next);
      }
      if (!(next instanceof Node.Section s)) {
        throw new UsageException(
            "override '%s': '%s' is not a section%s"
                .formatted(override, path[i], Nearest.hint(path[i], at.entries().keySet())));
      }
      at = s;
    }
    return at;
  }

  private static Node value(String override, String text) {
    String origin = "override '" + override + "'";
    if (text.isEmpty()) {
      return new Node.Scalar("", true, origin);
    }
    if (!text.startsWith("[")
        && !text.startsWith("{")
        && !text.startsWith("'")
        && !text.startsWith("\"")) {
      return new Node.Scalar(text, false, origin);
    }
    Config parsed;
    try {
      parsed = parse("override", "v: " + text);
    } catch (ConfigException e) {
      throw new UsageException(
          "%s: the value is not valid YAML; quote it for the shell".formatted(origin), e);
    }
    return relocate(
        parsed.root.entries().getOrDefault("v", new Node.Scalar("", false, origin)), origin);
  }

  private static Node relocate(Node n, String origin) {
    if (n instanceof Node.Scalar s) {
      return new Node.Scalar(s.text(), s.quoted(), origin);
    }
    if (n instanceof Node.Sequence s) {
      return new Node.Sequence(s.items().stream().map(i -> relocate(i, origin)).toList(), origin);
    }
    Map<String, Node> entries = new LinkedHashMap<>();
    ((Node.Section) n).entries().forEach((k, v) -> entries.put(k, relocate(v, origin)));
    return new Node.Section(entries, origin);
  }

  Node.Section root() {
    return root;
  }

  /**
   * Every plain value and list of these by its dotted path, such as {@code optimizer.lr}; in order.
   * Sections in a list are counted: {@code dataset.0.data_files}.
   *
   * @return the values as YAML has them, quotes included where it needs them; the caller's own
   */
  public Map<String, String> settings() {
    Map<String, String> all = new LinkedHashMap<>();
    root.entries().forEach((key, value) -> collect(key, value, all));
    return all;
  }

  /**
   * {@return the plain value at a dotted path, without YAML's quotes; empty where there is none}
   *
   * @param path such as {@code checkpointer.checkpoint_dir}; does not reach into lists
   */
  public String text(String path) {
    Node at = root;
    for (String key : path.split("\\.")) {
      at = at instanceof Node.Section s ? s.entries().get(key) : null;
    }
    return at instanceof Node.Scalar s && !s.isNull() ? s.text() : "";
  }

  /**
   * {@return the path at a dotted path, with the home folder for {@code ~}; empty where there is
   * none}
   *
   * @param path such as {@code checkpointer.checkpoint_dir}; does not reach into lists
   */
  public Optional<Path> path(String path) {
    String text = text(path);
    try {
      return text.isEmpty() ? Optional.empty() : Optional.of(PlainValue.path(text));
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }

  /** {@return whether a component has torchtune's dotted name, as in a file made for torchtune} */
  public boolean isTorchtunes() {
    return settings().entrySet().stream()
        .anyMatch(
            s -> s.getKey().endsWith(Binding.COMPONENT) && s.getValue().startsWith("torchtune."));
  }

  private static void collect(String key, Node value, Map<String, String> into) {
    if (value instanceof Node.Section s && !s.entries().isEmpty()) {
      s.entries().forEach((k, v) -> collect(key + "." + k, v, into));
    } else if (value instanceof Node.Sequence list
        && list.items().stream().anyMatch(Node.Section.class::isInstance)) {
      for (int i = 0; i < list.items().size(); i++) {
        collect(key + "." + i, list.items().get(i), into);
      }
    } else {
      into.put(key, inline(value));
    }
  }

  /** {@return the config as YAML, without comments; reading that gives the same config} */
  public String toYaml() {
    StringBuilder out = new StringBuilder();
    write(root, "", out);
    return out.toString();
  }

  private static void write(Node.Section s, String indent, StringBuilder out) {
    s.entries()
        .forEach(
            (k, v) -> {
              out.append(indent).append(k).append(':');
              if (v instanceof Node.Section inner && !inner.entries().isEmpty()) {
                out.append('\n');
                write(inner, indent + "  ", out);
              } else {
                out.append(' ').append(inline(v)).append('\n');
              }
            });
  }

  private static String inline(Node v) {
    if (v instanceof Node.Sequence s) {
      return "[" + String.join(", ", s.items().stream().map(Config::inline).toList()) + "]";
    }
    if (v instanceof Node.Section s) {
      List<String> parts = new ArrayList<>();
      s.entries().forEach((k, n) -> parts.add(k + ": " + inline(n)));
      return "{" + String.join(", ", parts) + "}";
    }
    Node.Scalar s = (Node.Scalar) v;
    boolean plain = !s.quoted() && s.text().matches("[A-Za-z0-9_./~+-]+");
    return plain || s.isNull()
        ? (s.text().isEmpty() ? "null" : s.text())
        : "'" + s.text().replace("'", "''") + "'";
  }
}

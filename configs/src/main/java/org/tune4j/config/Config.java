package org.tune4j.config;

import java.io.StringReader;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tune4j.ConfigException;
import org.tune4j.UsageException;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/** A YAML config; every value knows its file, line and column. Immutable. */
public final class Config {
  /**
   * The LoRA keys that may stand at the top and reach the model, as torchtune's tutorial has them.
   */
  static final Set<String> LORA_KEYS =
      Set.of(
          "lora_rank",
          "lora_alpha",
          "lora_attn_modules",
          "lora_dropout",
          "apply_lora_to_mlp",
          "apply_lora_to_output");

  /** torchtune's name at the top for {@code tokenizer.path}. */
  static final String TOKENIZER_CHECKPOINT = "tokenizer_checkpoint";

  private static final int MAX_DEPTH = 50;

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
   * @param yaml a mapping, at most 1 MiB of it and 50 levels deep, without aliases of lists and
   *     sections
   * @throws ConfigException when it is no such YAML, or with every key that stands twice or is no
   *     name
   */
  public static Config parse(String name, String yaml) {
    LoaderOptions limits = new LoaderOptions();
    limits.setCodePointLimit(1 << 20);
    limits.setNestingDepthLimit(MAX_DEPTH);
    limits.setMaxAliasesForCollections(0);
    try {
      org.yaml.snakeyaml.nodes.Node node = new Yaml(limits).compose(new StringReader(yaml));
      if (!(node instanceof MappingNode mapping)) {
        throw new ConfigException(List.of(name + ":1:1: expected keys and values"));
      }
      List<String> problems = new ArrayList<>();
      Node.Section root = (Node.Section) convert(name, mapping, problems, 0);
      if (!problems.isEmpty()) {
        throw new ConfigException(problems);
      }
      return new Config(name, root);
    } catch (MarkedYAMLException e) {
      var mark = e.getProblemMark();
      String at = mark == null ? "1:1" : (mark.getLine() + 1) + ":" + (mark.getColumn() + 1);
      throw new ConfigException(List.of("%s:%s: no YAML: %s".formatted(name, at, e.getProblem())));
    } catch (YAMLException e) {
      throw new ConfigException(List.of("%s:1:1: no YAML: %s".formatted(name, e.getMessage())));
    }
  }

  private static Node convert(
      String name, org.yaml.snakeyaml.nodes.Node node, List<String> problems, int depth) {
    String origin =
        "%s:%d:%d"
            .formatted(
                name, node.getStartMark().getLine() + 1, node.getStartMark().getColumn() + 1);
    if (depth > MAX_DEPTH) {
      problems.add(origin + ": nested too deeply");
      return new Node.Scalar("", false, origin);
    }
    if (node instanceof ScalarNode s) {
      boolean quoted = s.getScalarStyle() != DumperOptions.ScalarStyle.PLAIN;
      return new Node.Scalar(s.getValue(), quoted, origin);
    }
    if (node instanceof SequenceNode s) {
      return new Node.Sequence(
          s.getValue().stream().map(v -> convert(name, v, problems, depth + 1)).toList(), origin);
    }
    Map<String, Node> entries = new LinkedHashMap<>();
    for (NodeTuple t : ((MappingNode) node).getValue()) {
      Node key = convert(name, t.getKeyNode(), problems, depth + 1);
      if (!(key instanceof Node.Scalar k)) {
        problems.add(key.origin() + ": a key is a list or a section, expected a name");
      } else if (entries.put(k.text(), convert(name, t.getValueNode(), problems, depth + 1))
          != null) {
        problems.add("%s: key '%s' stands twice".formatted(key.origin(), k.text()));
      }
    }
    return new Node.Section(entries, origin);
  }

  /**
   * This config with overrides, applied in their order: {@code a.b=value}, {@code ~a.b} to delete;
   * {@code model=NAME} names another component. LoRA's keys at the top reach the model, {@code
   * tokenizer_checkpoint} there is {@code tokenizer.path}, and then every <code>${key}</code> is
   * filled in.
   *
   * @param overrides as on a command line; may be empty
   * @return a new config, its values ready to be bound
   * @throws UsageException when an override is neither, or deletes what is not there
   * @throws ConfigException when a <code>${key}</code> names no plain value
   */
  public Config with(List<String> overrides) {
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
    LORA_KEYS.forEach(key -> move(changed, key, "model", key));
    move(changed, TOKENIZER_CHECKPOINT, "tokenizer", "path");
    return new Config(name, (Node.Section) interpolate(changed, changed, 0));
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
            "override '%s': '%s' is no section%s"
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
          "%s: the value is no YAML; quote it for the shell".formatted(origin), e);
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

  private static Node interpolate(Node.Section root, Node n, int depth) {
    if (n instanceof Node.Section s) {
      Map<String, Node> entries = new LinkedHashMap<>();
      s.entries().forEach((k, v) -> entries.put(k, interpolate(root, v, depth)));
      return new Node.Section(entries, s.origin());
    }
    if (n instanceof Node.Sequence s) {
      return new Node.Sequence(
          s.items().stream().map(i -> interpolate(root, i, depth)).toList(), s.origin());
    }
    Node.Scalar scalar = (Node.Scalar) n;
    String text = scalar.text();
    int from = text.indexOf("${");
    int to = text.indexOf('}', Math.max(from, 0));
    if (from < 0 || to < 0) {
      return scalar;
    }
    String key = text.substring(from + 2, to);
    if (key.equals("tune.home")) {
      return interpolate(
          root,
          new Node.Scalar(
              text.substring(0, from)
                  + System.getProperty("tune4j.home", ".")
                  + text.substring(to + 1),
              scalar.quoted(),
              scalar.origin()),
          depth + 1);
    }
    Node found = root;
    for (String part : key.split("\\.")) {
      found = found instanceof Node.Section s ? s.entries().get(part) : null;
      if (found == null) {
        throw new ConfigException(
            List.of("%s: '${%s}' names no key".formatted(scalar.origin(), key)));
      }
    }
    if (!(found instanceof Node.Scalar value) || depth > 20) {
      throw new ConfigException(
          List.of(
              "%s: '${%s}' is no plain value, or refers to itself"
                  .formatted(scalar.origin(), key)));
    }
    Node.Scalar inner = (Node.Scalar) interpolate(root, value, depth + 1);
    boolean whole = from == 0 && to == text.length() - 1;
    return interpolate(
        root,
        new Node.Scalar(
            text.substring(0, from) + inner.text() + text.substring(to + 1),
            whole ? inner.quoted() : scalar.quoted(),
            scalar.origin()),
        depth + 1);
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
      return text.isEmpty() ? Optional.empty() : Optional.of(Binder.path(text));
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
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

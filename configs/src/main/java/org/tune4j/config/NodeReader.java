package org.tune4j.config;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.ConfigException;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Reads YAML into nodes. An alias becomes a copy of what it names, and {@code <<} adds another
 * section's keys behind the section's own, as PyYAML does it.
 */
final class NodeReader {
  private static final int MAX_DEPTH = 50;

  private static final int MAX_CHARACTERS = 1 << 20;

  /** As many as such a text can have without aliases, each of which adds what it names. */
  private static final int MAX_VALUES = MAX_CHARACTERS / 2;

  private final String name;
  private final List<String> problems = new ArrayList<>();
  private int nodes;

  private NodeReader(String name) {
    this.name = name;
  }

  /**
   * The sections of a text.
   *
   * @param name stands for the file in messages
   * @throws ConfigException when it is no YAML mapping, too large or too deep, or with every key
   *     that stands twice or is no name
   */
  static Node.Section read(String name, String yaml) {
    NodeReader reader = new NodeReader(name);
    Node.Section root = reader.section(compose(name, yaml), 0);
    if (!reader.problems.isEmpty()) {
      throw new ConfigException(reader.problems);
    }
    return root;
  }

  /**
   * The text's own nodes, with their places; an alias is the node that it names.
   *
   * @param name stands for the file in messages
   * @throws ConfigException when it is no YAML mapping, too large or too deep
   */
  static MappingNode compose(String name, String yaml) {
    LoaderOptions limits = new LoaderOptions();
    limits.setCodePointLimit(MAX_CHARACTERS);
    limits.setNestingDepthLimit(MAX_DEPTH);
    limits.setMaxAliasesForCollections(Integer.MAX_VALUE);
    try {
      org.yaml.snakeyaml.nodes.Node node = new Yaml(limits).compose(new StringReader(yaml));
      if (!(node instanceof MappingNode mapping)) {
        throw new ConfigException(List.of(name + ":1:1: expected keys and values"));
      }
      return mapping;
    } catch (MarkedYAMLException e) {
      var mark = e.getProblemMark();
      String at = mark == null ? "1:1" : (mark.getLine() + 1) + ":" + (mark.getColumn() + 1);
      throw new ConfigException(List.of("%s:%s: no YAML: %s".formatted(name, at, e.getProblem())));
    } catch (YAMLException e) {
      throw new ConfigException(List.of("%s:1:1: no YAML: %s".formatted(name, e.getMessage())));
    }
  }

  private String origin(org.yaml.snakeyaml.nodes.Node node) {
    return "%s:%d:%d"
        .formatted(name, node.getStartMark().getLine() + 1, node.getStartMark().getColumn() + 1);
  }

  private Node node(org.yaml.snakeyaml.nodes.Node node, int depth) {
    if (++nodes > MAX_VALUES || depth > MAX_DEPTH) {
      throw new ConfigException(
          List.of(
              origin(node)
                  + (depth > MAX_DEPTH
                      ? ": nested more than %d levels deep".formatted(MAX_DEPTH)
                      : ": aliases make this more than %d values".formatted(MAX_VALUES))));
    }
    if (node instanceof ScalarNode s) {
      boolean quoted = s.getScalarStyle() != DumperOptions.ScalarStyle.PLAIN;
      return new Node.Scalar(s.getValue(), quoted, origin(node));
    }
    if (node instanceof SequenceNode s) {
      return new Node.Sequence(
          s.getValue().stream().map(v -> node(v, depth + 1)).toList(), origin(node));
    }
    return section((MappingNode) node, depth);
  }

  private Node.Section section(MappingNode mapping, int depth) {
    Map<String, Node> merged = new LinkedHashMap<>();
    Map<String, Node> own = new LinkedHashMap<>();
    for (NodeTuple t : mapping.getValue()) {
      Node value = node(t.getValueNode(), depth + 1);
      if (t.getKeyNode().getTag().equals(Tag.MERGE)) {
        merge(value, merged);
      } else if (!(node(t.getKeyNode(), depth + 1) instanceof Node.Scalar key)) {
        problems.add(origin(t.getKeyNode()) + ": a key is a list or a section, expected a name");
      } else if (own.put(key.text(), value) != null) {
        problems.add("%s: key '%s' is given twice".formatted(key.origin(), key.text()));
      }
    }
    merged.putAll(own);
    return new Node.Section(merged, origin(mapping));
  }

  /** Of several sections the first that has a key decides. */
  private void merge(Node value, Map<String, Node> into) {
    List<Node> sections = value instanceof Node.Sequence s ? s.items() : List.of(value);
    for (int i = sections.size() - 1; i >= 0; i--) {
      if (sections.get(i) instanceof Node.Section s) {
        into.putAll(s.entries());
      } else {
        problems.add(
            sections.get(i).origin() + ": '<<' takes a section, or a list of them, by its alias");
      }
    }
  }
}

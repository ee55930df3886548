package org.tune4j.config;

import java.lang.reflect.Parameter;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.tune4j.ConfigException;
import org.tune4j.UsageException;
import org.tune4j.component.Doc;
import org.yaml.snakeyaml.DumperOptions.FlowStyle;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/**
 * A config of torchtune's in this project's names. The text is edited, so that comments and the
 * order of keys stay: components get their short names, and lines of keys that have no effect go.
 */
public final class Migration {
  private final ComponentRegistry registry;
  private final String text;
  private final List<String> lines;
  private final NavigableMap<Integer, Rename> renames = new TreeMap<>();
  private final BitSet gone = new BitSet();
  private final List<String> dropped = new ArrayList<>();

  /** A component's name in the text, by its start. */
  private record Rename(int end, String name) {}

  private Migration(ComponentRegistry registry, String text) {
    this.registry = registry;
    this.text = text;
    this.lines = text.lines().toList();
  }

  /**
   * The config, written anew.
   *
   * @param text YAML that describes the same component
   * @param dropped dotted paths of the keys that it no longer has, in order
   */
  public record Result(String text, List<String> dropped) {
    /** Copies the list. */
    public Result {
      dropped = List.copyOf(dropped);
    }
  }

  /**
   * Rewrites a config. What a component cannot be found for is left as it is.
   *
   * @param registry what the config may name
   * @param kind of the component that it is for
   * @param component the component's name, or an alias
   * @param name stands for the file in messages
   * @param text the config; nothing is interpolated
   * @return the new text
   * @throws ConfigException when it is no YAML mapping
   * @throws UsageException when there is no such component
   */
  public static Result of(
      ComponentRegistry registry, Class<?> kind, String component, String name, String text) {
    Factory f = registry.find(component, kind);
    if (f == null) {
      throw Binder.unknown(registry, kind, component);
    }
    Migration migration = new Migration(registry, text);
    List<Parameter> keys = f.keys();
    Set<String> ofModel = Keys.names(registry.keysOfModel(keys));
    ofModel.add(Config.TOKENIZER_CHECKPOINT);
    migration.section(
        "", NodeReader.compose(name, text), NodeReader.read(name, text), keys, ofModel);
    return new Result(migration.result(), migration.dropped);
  }

  private void section(
      String path,
      MappingNode mapping,
      Node.Section section,
      List<Parameter> keys,
      Set<String> more) {
    for (NodeTuple t : mapping.getValue()) {
      Node value =
          section.entries().get(t.getKeyNode() instanceof ScalarNode s ? s.getValue() : "");
      if (value == null || !(t.getKeyNode() instanceof ScalarNode key)) {
        continue; // a merged section, whose keys are another's
      }
      String name = key.getValue();
      Parameter known =
          keys.stream().filter(p -> Keys.name(p).equals(name)).findFirst().orElse(null);
      boolean ownLines = mapping.getFlowStyle() != FlowStyle.FLOW && !hasOtherLineBreaks();
      if (known == null && (name.equals(Binding.COMPONENT) || more.contains(name))) {
        continue;
      }
      if (ownLines
          && isIdle(name, value, known, keys, path)
          && !isUsed(path + name, t.getValueNode())) {
        drop(path + name, key, t.getValueNode());
      } else if (known != null) {
        value(path + name + ".", known.getParameterizedType(), t.getValueNode(), value);
      }
    }
  }

  /** Whether YAML counts other lines than {@link String#lines}. */
  private boolean hasOtherLineBreaks() {
    return text.chars().anyMatch(c -> c == 0x85 || c == 0x2028 || c == 0x2029);
  }

  /** Whether the config means the same without a key. */
  private boolean isIdle(
      String name, Node value, @Nullable Parameter known, List<Parameter> keys, String path) {
    if (known != null) {
      Doc doc = known.getAnnotation(Doc.class);
      return doc != null && doc.value().startsWith(Doc.NO_EFFECT);
    }
    return (path.isEmpty() && Torchtune.keys().contains(name))
        || Torchtune.changesNothing(name, value)
        || (Torchtune.isOff(value) && Suggestions.hint(name, keys).isEmpty());
  }

  /** Whether another value is filled in from here, or stands here under a name. */
  private boolean isUsed(String path, org.yaml.snakeyaml.nodes.Node value) {
    return text.contains("${" + path + "}") || text.contains("${" + path + ".") || isNamed(value);
  }

  private static boolean isNamed(org.yaml.snakeyaml.nodes.Node node) {
    return node.getAnchor() != null
        || (node instanceof SequenceNode s && s.getValue().stream().anyMatch(Migration::isNamed))
        || (node instanceof MappingNode m
            && m.getValue().stream().anyMatch(t -> isNamed(t.getValueNode())));
  }

  private void value(String path, Type type, org.yaml.snakeyaml.nodes.Node written, Node value) {
    Type kind =
        type instanceof ParameterizedType p && p.getRawType() == List.class
            ? p.getActualTypeArguments()[0]
            : type;
    if (written instanceof SequenceNode list && value instanceof Node.Sequence items) {
      for (int i = 0; i < list.getValue().size(); i++) {
        value(path + i + ".", kind, list.getValue().get(i), items.items().get(i));
      }
    } else if (kind instanceof Class<?> c && !PlainValue.isPlain(c) && c != Object.class) {
      component(path, c, written, value);
    }
  }

  private void component(
      String path, Class<?> kind, org.yaml.snakeyaml.nodes.Node written, Node value) {
    if (written instanceof ScalarNode name) {
      rename(name, registry.find(name.getValue(), kind));
    } else if (written instanceof MappingNode mapping && value instanceof Node.Section section) {
      Factory f = registry.find(Keys.snake(kind.getSimpleName()), kind);
      for (NodeTuple t : mapping.getValue()) {
        if (t.getKeyNode() instanceof ScalarNode key
            && key.getValue().equals(Binding.COMPONENT)
            && t.getValueNode() instanceof ScalarNode name) {
          f = registry.find(name.getValue(), kind);
          rename(name, f);
        }
      }
      if (f != null) {
        section(path, mapping, section, f.keys(), Set.of());
      }
    }
  }

  private void rename(ScalarNode name, @Nullable Factory f) {
    if (f != null && !f.name().equals(name.getValue())) {
      int start = text.offsetByCodePoints(0, name.getStartMark().getIndex());
      int end = text.offsetByCodePoints(0, name.getEndMark().getIndex());
      renames.put(start, new Rename(end, f.name()));
    }
  }

  /** A comment right above goes along where nothing that stays follows it in its paragraph. */
  private void drop(String path, ScalarNode key, org.yaml.snakeyaml.nodes.Node value) {
    int first = key.getStartMark().getLine();
    int last = Math.max(first, lastLine(value));
    dropped.add(path);
    gone.set(first, last + 1);
    int heading = first;
    while (heading > 0
        && (gone.get(heading - 1) || lines.get(heading - 1).strip().startsWith("#"))) {
      heading--;
    }
    boolean ends = last + 1 >= lines.size() || lines.get(last + 1).isBlank();
    if (ends && heading > 0) {
      gone.set(heading, first);
    }
  }

  private static int lastLine(org.yaml.snakeyaml.nodes.Node node) {
    if (node instanceof MappingNode m && m.getFlowStyle() != FlowStyle.FLOW) {
      return m.getValue().stream().mapToInt(t -> lastLine(t.getValueNode())).max().orElse(-1);
    }
    if (node instanceof SequenceNode s && s.getFlowStyle() != FlowStyle.FLOW) {
      return s.getValue().stream().mapToInt(Migration::lastLine).max().orElse(-1);
    }
    int line = node.getEndMark().getLine();
    return node.getEndMark().getColumn() == 0
        ? line - 1
        : line; // a block of text ends with its line
  }

  private String result() {
    StringBuilder names = new StringBuilder(text);
    renames.descendingMap().forEach((start, to) -> names.replace(start, to.end(), to.name()));
    List<String> changed = names.toString().lines().toList();
    StringBuilder out = new StringBuilder();
    boolean blank = true;
    for (int i = 0; i < changed.size(); i++) {
      boolean empty = changed.get(i).isBlank();
      // Two blank lines in a row are left where a paragraph went.
      if (!gone.get(i) && !(empty && blank && i > 0 && gone.get(i - 1))) {
        out.append(changed.get(i)).append('\n');
        blank = empty;
      }
    }
    return out.toString().stripTrailing() + "\n";
  }
}

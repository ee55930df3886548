package org.tune4j.config;

import java.lang.reflect.Parameter;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;

/**
 * What a config may hold, as Markdown, read from the components themselves: every component with
 * its keys, their types, defaults and meanings. Components of one kind with the same keys stand
 * together.
 */
public final class Reference {
  private final ComponentRegistry registry;

  /**
   * Of these components.
   *
   * @param registry what configs may name
   */
  public Reference(ComponentRegistry registry) {
    this.registry = registry;
  }

  /** {@return all components as Markdown, a chapter for each key that takes some, recipes first} */
  public String all() {
    Map<Class<?>, Set<String>> keysOfKinds = new LinkedHashMap<>();
    for (Factory f : registry.components()) {
      f.keys().forEach(p -> keyOf(p, keysOfKinds));
    }
    Map<Class<?>, List<Factory>> roots = new LinkedHashMap<>();
    Map<String, List<Factory>> chapters = new TreeMap<>();
    for (Factory f : registry.components()) {
      Set<String> keys =
          keysOfKinds.entrySet().stream()
              .filter(k -> k.getKey().isAssignableFrom(f.kind()))
              .flatMap(k -> k.getValue().stream())
              .collect(Collectors.toCollection(LinkedHashSet::new));
      if (keys.isEmpty()) {
        roots.computeIfAbsent(Object.class, k -> new ArrayList<>()).add(f);
      } else {
        String title = keys.stream().map(k -> "`" + k + "`").collect(Collectors.joining(", "));
        chapters.computeIfAbsent(title, k -> new ArrayList<>()).add(f);
      }
    }
    StringBuilder out = new StringBuilder();
    roots.values().forEach(recipes -> chapter("Recipes", recipes, out));
    chapters.forEach((title, components) -> chapter("Components for " + title, components, out));
    return out.toString();
  }

  /**
   * {@return one component as Markdown, its heading included}
   *
   * @param name or alias of the component
   * @throws UsageException when there is none of this name
   */
  public String of(String name) {
    Factory f = registry.find(name);
    if (f == null) {
      throw new UsageException(
          "no component is called '%s'%s; see them all with tune reference"
              .formatted(name, Nearest.hint(name, registry.names(Object.class))));
    }
    return section(List.of(f));
  }

  private static void keyOf(Parameter p, Map<Class<?>, Set<String>> keys) {
    Class<?> kind = kind(p.getParameterizedType());
    if (kind != null) {
      keys.computeIfAbsent(kind, k -> new LinkedHashSet<>()).add(Keys.name(p));
    }
  }

  /** The component that a key takes, alone or in a list; null where it takes plain values. */
  private static @Nullable Class<?> kind(Type type) {
    if (type instanceof ParameterizedType p) {
      return p.getRawType() == List.class ? kind(p.getActualTypeArguments()[0]) : null;
    }
    Class<?> c = (Class<?>) type;
    return PlainValue.isPlain(c) || c == Object.class ? null : c;
  }

  private void chapter(String title, Collection<Factory> components, StringBuilder out) {
    out.append("\n## ").append(title).append('\n');
    Map<String, List<Factory>> alike = new LinkedHashMap<>();
    for (Factory f : components) {
      alike.computeIfAbsent(table(f), k -> new ArrayList<>()).add(f);
    }
    alike.values().forEach(same -> out.append('\n').append(section(same)));
  }

  private String section(List<Factory> same) {
    StringBuilder out = new StringBuilder("### ");
    out.append(same.stream().map(Factory::name).collect(Collectors.joining(", ")));
    out.append('\n');
    String aliases =
        same.stream()
            .flatMap(f -> f.aliases().stream())
            .map(a -> "`" + a + "`")
            .collect(Collectors.joining(", "));
    if (!aliases.isEmpty()) {
      out.append("Also known as ").append(aliases).append(".\n");
    }
    return out.append('\n').append(table(same.get(0))).toString();
  }

  private String table(Factory f) {
    List<Parameter> parameters = f.keys();
    if (parameters.isEmpty()) {
      return "Takes no keys.\n";
    }
    StringBuilder out =
        new StringBuilder("| key | type | default | description |\n|---|---|---|---|\n");
    for (Parameter p : parameters) {
      Doc doc = p.getAnnotation(Doc.class);
      out.append(
          "| `%s` | %s | %s | %s |%n"
              .formatted(
                  Keys.name(p),
                  type(p.getParameterizedType()),
                  fallback(p),
                  doc == null ? "" : doc.value().replace("|", "\\|")));
    }
    return out.toString();
  }

  private static String fallback(Parameter p) {
    Default value = p.getAnnotation(Default.class);
    if (value != null) {
      return "`" + value.value() + "`";
    }
    return p.getAnnotatedType().isAnnotationPresent(Nullable.class) ? "`null`" : "required";
  }

  private String type(Type type) {
    if (type instanceof ParameterizedType p && p.getRawType() == List.class) {
      return "list, each " + type(p.getActualTypeArguments()[0]);
    }
    if (type == Object.class) {
      return "anything";
    }
    return kind(type) == null ? ExpectedValue.of(type, registry) : "section";
  }
}

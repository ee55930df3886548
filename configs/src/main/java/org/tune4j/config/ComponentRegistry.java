package org.tune4j.config;

import java.lang.reflect.Parameter;
import java.lang.reflect.ParameterizedType;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.component.ComponentProvider;
import org.tune4j.component.Provided;

/** The components there are, by name and alias, and where each comes from. Immutable. */
public final class ComponentRegistry {
  /** The origin of what is on the class path. */
  public static final String BUILT_IN = "Tune4J";

  private final Map<String, Factory> byName = new TreeMap<>();
  private final Map<String, Factory> byAlias = new TreeMap<>();
  private final Map<Class<?>, Supplier<?>> provided = new HashMap<>();

  /**
   * One component, for people.
   *
   * @param name the short one, as a config has it
   * @param kind what it gives
   * @param origin {@link #BUILT_IN}, or a plugin's
   */
  public record Listed(String name, Class<?> kind, String origin) {}

  /**
   * Of these providers, all of them built in.
   *
   * @param providers of components that a config can build: neither names nor parameters are
   *     checked further, as a plugin's are
   * @throws UsageException when two components have one name
   */
  public ComponentRegistry(Iterable<ComponentProvider> providers) {
    for (ComponentProvider p : providers) {
      p.components().forEach(holder -> Factory.in(holder, BUILT_IN).forEach(this::add));
      p.objects().forEach((name, o) -> Factory.of(name, o, BUILT_IN).forEach(this::add));
    }
  }

  private ComponentRegistry(ComponentRegistry other) {
    byName.putAll(other.byName);
    byAlias.putAll(other.byAlias);
    provided.putAll(other.provided);
  }

  /**
   * {@return those that {@link ServiceLoader} finds on the calling thread's class path, plugins not
   * among them}
   *
   * @throws UsageException when two components have one name
   */
  public static ComponentRegistry installed() {
    return new ComponentRegistry(ServiceLoader.load(ComponentProvider.class));
  }

  private void add(Factory factory) {
    add(byName, factory.name(), factory);
    factory.aliases().forEach(alias -> add(byAlias, alias, factory));
  }

  private static void add(Map<String, Factory> map, String name, Factory factory) {
    Factory other = map.put(name, factory);
    if (other != null) {
      throw new UsageException(
          "two components are called '%s': %s and %s; take one off the class path"
              .formatted(name, other.holder(), factory.holder()));
    }
  }

  /**
   * These, and what a plugin brings. What cannot be used is left out, and no reason to leave out
   * the plugin's others.
   *
   * @param plugin whose classes are loaded now
   * @param origin where the plugin comes from, for people
   * @param leftOut takes a line for each thing that is left out, with the reason
   * @return a new registry; names of these stay theirs
   */
  public ComponentRegistry with(ComponentProvider plugin, String origin, Consumer<String> leftOut) {
    ComponentRegistry all = new ComponentRegistry(this);
    List<Class<?>> holders;
    try {
      holders = plugin.components();
      plugin
          .objects()
          .forEach((name, o) -> Factory.of(name, o, origin).forEach(f -> all.add(f, leftOut)));
    } catch (RuntimeException | LinkageError e) {
      leftOut.accept(
          "plugin %s: %s names no components: %s; rebuild it with its dependencies in the jar"
              .formatted(origin, plugin.getClass().getName(), e));
      return all;
    }
    for (Class<?> holder : holders) {
      try {
        Factory.in(holder, origin).forEach(f -> all.add(f, leftOut));
      } catch (RuntimeException | LinkageError e) {
        leftOut.accept(
            "plugin %s: class %s cannot be loaded: %s; rebuild it with its dependencies in the jar"
                .formatted(origin, holder.getName(), e));
      }
    }
    return all;
  }

  private void add(Factory factory, Consumer<String> leftOut) {
    String name = factory.name();
    String unusable = factory.unusable();
    if (unusable != null) {
      leftOut.accept(
          "plugin %s: component '%s' is skipped: %s".formatted(factory.origin(), name, unusable));
      return;
    }
    Factory other = find(name);
    if (other != null) {
      leftOut.accept(
          "plugin %s: component '%s' is skipped: %s has one of that name, %s; rename the plugin's"
              .formatted(factory.origin(), name, other.origin(), other.holder()));
      return;
    }
    byName.put(name, factory);
    for (String alias : factory.aliases()) {
      Factory taken = find(alias);
      if (taken == null) {
        byAlias.put(alias, factory);
      } else {
        leftOut.accept(
            "plugin %s: alias '%s' of component '%s' is skipped: %s has that name already, %s; rename the plugin's"
                .formatted(factory.origin(), alias, name, taken.origin(), taken.holder()));
      }
    }
  }

  /**
   * These, and a value for parameters that are {@link Provided}.
   *
   * @param <T> the parameters' type
   * @param type the parameters' type, without type arguments
   * @param value asked for each component that needs it
   * @return a new registry; a value of the same type that was given before is replaced
   */
  public <T> ComponentRegistry providing(Class<T> type, Supplier<? extends T> value) {
    ComponentRegistry all = new ComponentRegistry(this);
    all.provided.put(type, value);
    return all;
  }

  /** What the program gives for parameters of a type; null where it gives nothing. */
  @Nullable Object provided(Class<?> type) {
    Supplier<?> value = provided.get(type);
    return value == null ? null : value.get();
  }

  /** All of them, sorted by name. */
  Collection<Factory> components() {
    return Collections.unmodifiableCollection(byName.values());
  }

  /** The keys of every component of a kind; one key can come several times. */
  List<Parameter> keys(Class<?> kind) {
    return byName.values().stream()
        .filter(f -> f.gives(kind))
        .flatMap(f -> f.keys().stream())
        .toList();
  }

  /**
   * The keys of every component that can stand for the key {@code model}.
   *
   * @param keys of a recipe, {@code model} perhaps among them
   */
  List<Parameter> keysOfModel(List<Parameter> keys) {
    return keys.stream()
        .filter(p -> Keys.name(p).equals(Config.MODEL))
        .map(Parameter::getType)
        .distinct()
        .flatMap(kind -> keys(kind).stream())
        .toList();
  }

  /** By name or alias; null where there is none. */
  @Nullable Factory find(String name) {
    Factory f = byName.get(name);
    return f != null ? f : byAlias.get(name);
  }

  /** By name or alias; null where there is none, or it gives something else. */
  @Nullable Factory find(String name, Class<?> kind) {
    Factory f = find(name);
    return f == null || !f.gives(kind) ? null : f;
  }

  /**
   * The component for which a list of sections may be written where one of this kind is expected:
   * its first key is a list of them. The first by name; null where there is none.
   */
  @Nullable Factory ofList(Class<?> kind) {
    return byName.values().stream()
        .filter(f -> f.gives(kind) && takesListOf(f, kind))
        .findFirst()
        .orElse(null);
  }

  private static boolean takesListOf(Factory factory, Class<?> kind) {
    List<Parameter> keys = factory.keys();
    return !keys.isEmpty()
        && keys.get(0).getParameterizedType() instanceof ParameterizedType p
        && p.getRawType() == List.class
        && p.getActualTypeArguments()[0] == kind;
  }

  /**
   * {@return the short name of a component; empty where there is none}
   *
   * @param name or alias of the component
   * @param kind of what it gives
   */
  public Optional<String> shortName(String name, Class<?> kind) {
    return Optional.ofNullable(find(name, kind)).map(Factory::name);
  }

  /**
   * {@return the short names of what can stand for a type, sorted}
   *
   * @param kind {@code Object} for all
   */
  public List<String> names(Class<?> kind) {
    return byName.values().stream().filter(f -> f.gives(kind)).map(Factory::name).toList();
  }

  /** {@return all components, sorted by name} */
  public List<Listed> all() {
    return byName.values().stream().map(f -> new Listed(f.name(), f.kind(), f.origin())).toList();
  }
}

package org.tune4j.config;

import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.lang.reflect.ParameterizedType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.component.Component;
import org.tune4j.component.ComponentProvider;
import org.tune4j.component.Provided;

/** The components there are, by name and alias, and where each comes from. Immutable. */
public final class ComponentRegistry {
  /** The origin of what is on the class path. */
  public static final String BUILT_IN = "Tune4J";

  private final Map<String, Entry> byName = new TreeMap<>();
  private final Map<String, Entry> byAlias = new TreeMap<>();
  private final Map<Class<?>, Supplier<?>> provided = new HashMap<>();

  private record Entry(Executable executable, String origin) {
    boolean gives(Class<?> kind) {
      return kind.isAssignableFrom(kind(executable));
    }

    String holder() {
      return executable.getDeclaringClass().getName();
    }
  }

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
      for (Class<?> holder : p.components()) {
        for (Executable e : executables(holder)) {
          Component c = e.getAnnotation(Component.class);
          add(byName, c.value(), e);
          for (String alias : c.aliases()) {
            add(byAlias, alias, e);
          }
        }
      }
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

  private static List<Executable> executables(Class<?> holder) {
    List<Executable> all = new ArrayList<>(List.of(holder.getConstructors()));
    all.addAll(List.of(holder.getMethods()));
    all.removeIf(e -> !e.isAnnotationPresent(Component.class));
    return all;
  }

  private static void add(Map<String, Entry> map, String name, Executable e) {
    Entry other = map.put(name, new Entry(e, BUILT_IN));
    if (other != null) {
      throw new UsageException(
          "two components are called '%s': %s and %s; take one off the class path"
              .formatted(name, other.holder(), e.getDeclaringClass().getName()));
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
    } catch (RuntimeException | LinkageError e) {
      leftOut.accept(
          "plugin %s: %s names no components: %s; rebuild it with its dependencies in the jar"
              .formatted(origin, plugin.getClass().getName(), e));
      return all;
    }
    for (Class<?> holder : holders) {
      try {
        executables(holder).forEach(e -> all.add(new Entry(e, origin), leftOut));
      } catch (RuntimeException | LinkageError e) {
        leftOut.accept(
            "plugin %s: class %s cannot be loaded: %s; rebuild it with its dependencies in the jar"
                .formatted(origin, holder.getName(), e));
      }
    }
    return all;
  }

  private void add(Entry entry, Consumer<String> leftOut) {
    Component c = entry.executable().getAnnotation(Component.class);
    String unusable = unusable(entry.executable());
    if (unusable != null) {
      leftOut.accept(
          "plugin %s: component '%s' is skipped: %s"
              .formatted(entry.origin(), c.value(), unusable));
      return;
    }
    Entry other = named(c.value());
    if (other != null) {
      leftOut.accept(
          "plugin %s: component '%s' is skipped: %s has one of that name, %s; rename the plugin's"
              .formatted(entry.origin(), c.value(), other.origin(), other.holder()));
      return;
    }
    byName.put(c.value(), entry);
    for (String alias : c.aliases()) {
      Entry taken = named(alias);
      if (taken == null) {
        byAlias.put(alias, entry);
      } else {
        leftOut.accept(
            "plugin %s: alias '%s' of component '%s' is skipped: %s has that name already, %s; rename the plugin's"
                .formatted(entry.origin(), alias, c.value(), taken.origin(), taken.holder()));
      }
    }
  }

  /** Why a config could not build it; null where it can. */
  private static @Nullable String unusable(Executable e) {
    Class<?> holder = e.getDeclaringClass();
    if (!Modifier.isPublic(holder.getModifiers())) {
      return "class %s is not public; make it public".formatted(holder.getName());
    }
    if (e instanceof Method m && !Modifier.isStatic(m.getModifiers())) {
      return "%s.%s is not static; make it static".formatted(holder.getName(), m.getName());
    }
    return Arrays.stream(e.getParameters()).allMatch(Parameter::isNamePresent)
        ? null
        : "%s was compiled without parameter names, which are the config's keys; compile with `javac -parameters`"
            .formatted(holder.getName());
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

  /** What a component gives. */
  static Class<?> kind(Executable e) {
    return e instanceof Method m ? m.getReturnType() : ((Constructor<?>) e).getDeclaringClass();
  }

  /** All of them, sorted by name. */
  Collection<Executable> components() {
    return byName.values().stream().map(Entry::executable).toList();
  }

  /** The keys of every component of a kind; one key can come several times. */
  List<Parameter> keys(Class<?> kind) {
    return byName.values().stream()
        .filter(e -> e.gives(kind))
        .flatMap(e -> Keys.of(e.executable()).stream())
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

  private @Nullable Entry named(String name) {
    Entry e = byName.get(name);
    return e != null ? e : byAlias.get(name);
  }

  @Nullable Executable find(String name) {
    return find(name, Object.class);
  }

  /** By name or alias; null where there is none, or it gives something else. */
  @Nullable Executable find(String name, Class<?> kind) {
    Entry e = named(name);
    return e == null || !e.gives(kind) ? null : e.executable();
  }

  /** Whether a component of a kind has an alias that begins so. */
  boolean hasAliasIn(String beginning, Class<?> kind) {
    return byAlias.entrySet().stream()
        .anyMatch(e -> e.getKey().startsWith(beginning) && e.getValue().gives(kind));
  }

  /**
   * The component for which a list of sections may be written where one of this kind is expected:
   * its first key is a list of them. The first by name; null where there is none.
   */
  @Nullable Executable ofList(Class<?> kind) {
    return byName.values().stream()
        .filter(e -> e.gives(kind) && takesListOf(e.executable(), kind))
        .map(Entry::executable)
        .findFirst()
        .orElse(null);
  }

  private static boolean takesListOf(Executable e, Class<?> kind) {
    List<Parameter> keys = Keys.of(e);
    return !keys.isEmpty()
        && keys.get(0).getParameterizedType() instanceof ParameterizedType p
        && p.getRawType() == List.class
        && p.getActualTypeArguments()[0] == kind;
  }

  /**
   * {@return the short names of what can stand for a type, sorted}
   *
   * @param kind {@code Object} for all
   */
  public List<String> names(Class<?> kind) {
    return byName.entrySet().stream()
        .filter(e -> e.getValue().gives(kind))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** {@return all components, sorted by name} */
  public List<Listed> all() {
    return byName.entrySet().stream()
        .map(e -> new Listed(e.getKey(), kind(e.getValue().executable()), e.getValue().origin()))
        .toList();
  }
}

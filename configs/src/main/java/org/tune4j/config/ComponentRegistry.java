package org.tune4j.config;

import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.component.Component;
import org.tune4j.component.ComponentProvider;

/** The components there are, by name and alias. */
public final class ComponentRegistry {
  private final Map<String, Executable> byName = new TreeMap<>();
  private final Map<String, Executable> byAlias = new TreeMap<>();

  /**
   * Of these providers.
   *
   * @throws UsageException when two components have one name
   */
  public ComponentRegistry(Iterable<ComponentProvider> providers) {
    for (ComponentProvider p : providers) {
      for (Class<?> holder : p.components()) {
        List<Executable> all = new ArrayList<>(List.of(holder.getConstructors()));
        all.addAll(List.of(holder.getMethods()));
        for (Executable e : all) {
          Component c = e.getAnnotation(Component.class);
          if (c != null) {
            add(byName, c.value(), e);
            for (String alias : c.aliases()) {
              add(byAlias, alias, e);
            }
          }
        }
      }
    }
  }

  /** Those that {@link ServiceLoader} finds. */
  public static ComponentRegistry installed() {
    return new ComponentRegistry(ServiceLoader.load(ComponentProvider.class));
  }

  private static void add(Map<String, Executable> map, String name, Executable e) {
    Executable other = map.put(name, e);
    if (other != null) {
      throw new UsageException(
          "two components are called '%s': %s and %s; take one off the class path"
              .formatted(
                  name, other.getDeclaringClass().getName(), e.getDeclaringClass().getName()));
    }
  }

  /** What a component gives. */
  static Class<?> kind(Executable e) {
    return e instanceof Method m ? m.getReturnType() : ((Constructor<?>) e).getDeclaringClass();
  }

  /** All of them, sorted by name. */
  Collection<Executable> components() {
    return byName.values();
  }

  @Nullable Executable find(String name) {
    Executable e = byName.get(name);
    return e != null ? e : byAlias.get(name);
  }

  /**
   * The component for which a list of sections may be written where one of this kind is expected:
   * its first parameter is a list of them. The first by name; null where there is none.
   */
  @Nullable Executable ofList(Class<?> kind) {
    return byName.values().stream()
        .filter(e -> kind.isAssignableFrom(kind(e)) && takesListOf(e, kind))
        .findFirst()
        .orElse(null);
  }

  private static boolean takesListOf(Executable e, Class<?> kind) {
    return e.getParameterCount() > 0
        && e.getGenericParameterTypes()[0] instanceof ParameterizedType p
        && p.getRawType() == List.class
        && p.getActualTypeArguments()[0] == kind;
  }

  /** The short names of what can stand for a type, sorted. */
  public List<String> names(Class<?> kind) {
    return byName.entrySet().stream()
        .filter(e -> kind.isAssignableFrom(kind(e.getValue())))
        .map(Map.Entry::getKey)
        .toList();
  }
}

package org.tune4j.plugins;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import org.tune4j.adapters.AdapterType;
import org.tune4j.component.ComponentProvider;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.ModelRegistry;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Backends;

/**
 * The plugins that were found. What is wrong with one is said, and leaves the others as they are.
 * To be closed when nothing of theirs runs any more. Used by one thread.
 */
public final class Plugins implements AutoCloseable {
  private final List<Plugin> loaded = new ArrayList<>();
  private final Set<String> problems = new LinkedHashSet<>();
  private final Set<String> told = new HashSet<>();

  private Plugins() {}

  /**
   * Opens these jars, in order; what two bring under one name is the first one's.
   *
   * @param jars that exist
   * @return those that can be used; of the others {@link #problems} tells
   */
  public static Plugins load(Collection<Path> jars) {
    Plugins plugins = new Plugins();
    for (Path jar : jars) {
      Plugin plugin = Plugin.open(jar, plugins.problems::add);
      if (plugin != null) {
        plugins.loaded.add(plugin);
      }
    }
    return plugins;
  }

  /** What one plugin brings of a service. */
  private record Brought<T>(T provider, Path jar) {}

  private <T> List<Brought<T>> brought(Class<T> service) {
    return loaded.stream()
        .flatMap(plugin -> plugin.of(service).stream().map(p -> new Brought<>(p, plugin.jar())))
        .toList();
  }

  /**
   * What plugins bring of a service whose providers have names, each of which is used once: those
   * that are built in first, then in the plugins' order. The others are left out, and said to be.
   *
   * @param what a provider is, in words
   */
  private <T> List<T> named(
      Class<T> service, String what, Collection<T> builtIn, Function<T, String> name) {
    Map<String, T> all = new HashMap<>();
    builtIn.forEach(b -> all.putIfAbsent(name.apply(b), b));
    List<T> added = new ArrayList<>();
    for (Brought<T> b : brought(service)) {
      try {
        String called = name.apply(b.provider);
        T other = all.putIfAbsent(called, b.provider);
        if (other == null) {
          added.add(b.provider);
        } else {
          problems.add(
              "plugin %s: %s '%s' is skipped: there is one of that name, %s; rename the plugin's"
                  .formatted(b.jar, what, called, other.getClass().getName()));
        }
      } catch (RuntimeException | LinkageError e) {
        problems.add(
            "plugin %s: %s %s is skipped: %s; rebuild it with its dependencies in the jar"
                .formatted(b.jar, what, b.provider.getClass().getName(), e));
      }
    }
    return added;
  }

  /**
   * {@return what is built in, and the plugins' components}
   *
   * @param builtIn its names stay its own
   */
  public ComponentRegistry over(ComponentRegistry builtIn) {
    ComponentRegistry all = builtIn;
    for (Brought<ComponentProvider> b : brought(ComponentProvider.class)) {
      all = all.with(b.provider, b.jar.toString(), problems::add);
    }
    return all;
  }

  /**
   * {@return what is built in, and the plugins' backends behind}
   *
   * @param builtIn its names stay its own
   */
  public Backends over(Backends builtIn) {
    return builtIn.and(
        named(BackendProvider.class, "backend", builtIn.providers(), BackendProvider::name));
  }

  /**
   * {@return what is built in, and the plugins' model families and types of adapters}
   *
   * @param builtIn its names stay its own
   */
  public ModelRegistry over(ModelRegistry builtIn) {
    return builtIn.with(
        named(
            ModelFamily.class,
            "model family",
            builtIn.families(),
            f -> String.join(", ", f.modelTypes())),
        named(AdapterType.class, "adapter type", builtIn.adapters(), AdapterType::peftType));
  }

  /**
   * A plugin's backend.
   *
   * @param name as a config has it
   * @param origin the plugin's jar
   */
  public record ListedBackend(String name, String origin) {}

  /**
   * {@return the backends that plugins brought}
   *
   * @param all what {@link #over(Backends)} gave; one that was left out there is not listed
   */
  public List<ListedBackend> backends(Backends all) {
    return brought(BackendProvider.class).stream()
        .filter(b -> all.providers().contains(b.provider))
        .map(b -> new ListedBackend(b.provider.name(), b.jar.toString()))
        .toList();
  }

  /** {@return whether a plugin brings a backend, even one that is left out} */
  public boolean bringBackends() {
    return !brought(BackendProvider.class).isEmpty();
  }

  /**
   * {@return what is wrong, a line each, as far as it is known: what was asked for by now was
   * looked at}
   */
  public List<String> problems() {
    return List.copyOf(problems);
  }

  /**
   * Says each problem once, however often it is called.
   *
   * @param warn takes a line each
   */
  public void tell(Consumer<String> warn) {
    problems.stream().filter(told::add).forEach(warn);
  }

  @Override
  public void close() {
    for (Plugin plugin : loaded) {
      try {
        plugin.loader().close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}

package org.tune4j.plugins;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.tune4j.component.ComponentProvider;
import org.tune4j.config.ComponentRegistry;
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

  /**
   * {@return what is built in, and the plugins' components}
   *
   * @param builtIn its names stay its own
   */
  public ComponentRegistry over(ComponentRegistry builtIn) {
    ComponentRegistry all = builtIn;
    for (Plugin plugin : loaded) {
      for (ComponentProvider provider : plugin.components()) {
        all = all.with(provider, plugin.jar().toString(), problems::add);
      }
    }
    return all;
  }

  /**
   * {@return what is built in, and the plugins' backends behind}
   *
   * @param builtIn its names stay its own
   */
  public Backends over(Backends builtIn) {
    List<BackendProvider> all = new ArrayList<>(builtIn.providers());
    for (Plugin plugin : loaded) {
      for (BackendProvider backend : plugin.backends()) {
        try {
          String name = backend.name();
          all.stream()
              .filter(b -> b.name().equals(name))
              .findFirst()
              .ifPresentOrElse(
                  other ->
                      problems.add(
                          "plugin %s: backend '%s' is skipped: there is one of that name, %s; rename the plugin's"
                              .formatted(plugin.jar(), name, other.getClass().getName())),
                  () -> all.add(backend));
        } catch (RuntimeException | LinkageError e) {
          problems.add(
              "plugin %s: backend %s is skipped: %s; rebuild it with its dependencies in the jar"
                  .formatted(plugin.jar(), backend.getClass().getName(), e));
        }
      }
    }
    return builtIn.and(all.subList(builtIn.providers().size(), all.size()));
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
    List<ListedBackend> listed = new ArrayList<>();
    for (Plugin plugin : loaded) {
      for (BackendProvider backend : plugin.backends()) {
        if (all.providers().contains(backend)) {
          listed.add(new ListedBackend(backend.name(), plugin.jar().toString()));
        }
      }
    }
    return listed;
  }

  /** {@return whether a plugin brings a backend, even one that is left out} */
  public boolean bringBackends() {
    return loaded.stream().anyMatch(p -> !p.backends().isEmpty());
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

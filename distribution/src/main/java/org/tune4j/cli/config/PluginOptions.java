package org.tune4j.cli.config;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.plugins.PluginSearch;
import org.tune4j.plugins.Plugins;
import org.tune4j.spi.Backends;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Third parties' jars, of every command that builds what a config describes. */
public final class PluginOptions {
  private final PluginSearch search;
  private final Provider<Plugins> plugins;
  private final Provider<ComponentRegistry> components;
  private final Provider<Backends> backends;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the field
  PluginOptions(
      PluginSearch search,
      Provider<Plugins> plugins,
      Provider<ComponentRegistry> components,
      Provider<Backends> backends) {
    this.search = search;
    this.plugins = plugins;
    this.components = components;
    this.backends = backends;
  }

  @Option(
      names = "--plugin",
      paramLabel = "JAR",
      description = "A plugin's jar, in addition to ~/.tune/plugins; can be repeated.")
  void add(@Nullable List<Path> jars) {
    if (jars != null) {
      search.add(jars);
    }
  }

  /** Loads what there is, and says what is wrong with it. */
  public void load() {
    components.get();
    if (plugins.get().bringBackends()) {
      backends.get();
    }
    plugins.get().tell(p -> spec.commandLine().getErr().println("tune: warning: " + p));
  }

  /** {@return the options as they were given, to be given again} */
  public List<String> again() {
    return search.named().stream()
        .flatMap(j -> List.of("--plugin", j.toString()).stream())
        .toList();
  }
}

package org.tune4j.wiring;

import com.google.inject.AbstractModule;
import com.google.inject.Guice;
import com.google.inject.Injector;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import com.google.inject.Stage;
import java.io.PrintStream;
import java.util.function.Supplier;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.hub.HubSettings;
import org.tune4j.models.ModelRegistry;
import org.tune4j.plugins.PluginSearch;
import org.tune4j.plugins.Plugins;
import org.tune4j.spi.Backends;
import picocli.CommandLine;

/** Makes commands. Guice stays behind this one factory. */
public final class Wiring {
  private Wiring() {}

  /**
   * Commands over the backends and components on the class path and the user's plugins, which are
   * looked up when used.
   *
   * @param out where results are printed; a person is taken to watch it where the system property
   *     {@code tune4j.terminal} is true
   * @return what picocli makes the commands with
   */
  public static CommandLine.IFactory installed(PrintStream out) {
    return of(
        Backends::installed,
        ComponentRegistry::installed,
        PluginSearch.ofUser(),
        HubSettings::ofProcess,
        new Terminal(out, Boolean.getBoolean("tune4j.terminal")));
  }

  /**
   * Commands over these, the hub that the environment names, and plugins that are named.
   *
   * @param backends what is built in
   * @param components what is built in
   * @param terminal where results are printed
   * @return what picocli makes the commands with
   */
  public static CommandLine.IFactory of(
      Supplier<Backends> backends, Supplier<ComponentRegistry> components, Terminal terminal) {
    return of(backends, components, HubSettings::ofProcess, terminal);
  }

  /**
   * The same with another hub.
   *
   * @param backends what is built in
   * @param components what is built in
   * @param hub where models are fetched from
   * @param terminal where results are printed
   * @return what picocli makes the commands with
   */
  public static CommandLine.IFactory of(
      Supplier<Backends> backends,
      Supplier<ComponentRegistry> components,
      Supplier<HubSettings> hub,
      Terminal terminal) {
    return of(backends, components, new PluginSearch(null), hub, terminal);
  }

  /**
   * Commands over these; each supplier is asked once, when a command first needs it.
   *
   * @param backends what is built in
   * @param components what is built in
   * @param plugins where others are looked for, when either is first needed
   * @param hub where models are fetched from
   * @param terminal where results are printed
   * @return what picocli makes the commands with
   */
  public static CommandLine.IFactory of(
      Supplier<Backends> backends,
      Supplier<ComponentRegistry> components,
      PluginSearch plugins,
      Supplier<HubSettings> hub,
      Terminal terminal) {
    Injector injector =
        Guice.createInjector(
            Stage.DEVELOPMENT, new TuneModule(backends, components, plugins, hub, terminal));
    CommandLine.IFactory fallback = CommandLine.defaultFactory();
    return new CommandLine.IFactory() {
      @Override
      public <K> K create(Class<K> type) throws Exception {
        // picocli asks the factory for its own types and for collections too.
        return type.getName().startsWith("org.tune4j.")
            ? injector.getInstance(type)
            : fallback.create(type);
      }
    };
  }

  private static final class TuneModule extends AbstractModule {
    private final Supplier<Backends> backends;
    private final Supplier<ComponentRegistry> components;
    private final Supplier<HubSettings> hub;
    private final PluginSearch search;
    private final Terminal terminal;

    TuneModule(
        Supplier<Backends> backends,
        Supplier<ComponentRegistry> components,
        PluginSearch search,
        Supplier<HubSettings> hub,
        Terminal terminal) {
      this.hub = hub;
      this.backends = backends;
      this.components = components;
      this.search = search;
      this.terminal = terminal;
    }

    @Override
    protected void configure() {
      bind(Terminal.class).toInstance(terminal);
      bind(PluginSearch.class).toInstance(search);
    }

    @Provides
    @Singleton
    Plugins plugins() {
      return search.load();
    }

    @Provides
    @Singleton
    Backends backends(Plugins plugins) {
      return plugins.over(backends.get());
    }

    @Provides
    @Singleton
    ComponentRegistry components(Plugins plugins, ModelRegistry models) {
      return plugins.over(components.get()).providing(ModelRegistry.class, () -> models);
    }

    @Provides
    @Singleton
    ModelRegistry models(Plugins plugins) {
      return plugins.over(ModelRegistry.installed());
    }

    @Provides
    @Singleton
    HubSettings hub() {
      return hub.get();
    }
  }
}

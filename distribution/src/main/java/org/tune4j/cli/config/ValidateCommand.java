package org.tune4j.cli.config;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.ConfigException;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.Bound;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.Config;
import org.tune4j.config.RunConfigs;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.recipe.Recipe;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Backends;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.Device;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tune validate}. */
@Command(
    name = "validate",
    description = "Checks every key and value of a config without loading anything.",
    sortOptions = false)
public final class ValidateCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      paramLabel = "FILE_OR_NAME",
      description = "A YAML file or a shipped config.")
  private String config;

  @Parameters(
      index = "1..*",
      paramLabel = "OVERRIDE",
      description = "key=value, section.key=value or ~key.")
  private List<String> overrides = new ArrayList<>();

  @Option(
      names = "--recipe",
      paramLabel = "RECIPE",
      description = "The config's recipe (default: the one named in its comments).")
  private @Nullable String recipe;

  @Mixin private PluginOptions plugins;

  private final Provider<Backends> backends;
  private final Provider<ComponentRegistry> components;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ValidateCommand(
      Provider<Backends> backends, Provider<ComponentRegistry> components, Terminal terminal) {
    this.backends = backends;
    this.components = components;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    plugins.load();
    String text = ShippedConfigs.text(config);
    ComponentRegistry known = components.get();
    String name = RecipeNames.of(recipe, config, text, known);
    RunConfigs configs =
        RunConfigs.resolve(known, Recipe.class, name, Config.parse(config, text), overrides);
    Bound<Map<String, Recipe>> bound = BoundRuns.of(known, name, configs);
    Config resolved = configs.first();
    List<String> missing = new ArrayList<>(bound.missing());
    deviceMissing(resolved).ifPresent(missing::add);
    // A file made for torchtune names data sets of the Hub and a GPU; all of it can be supported.
    if (!missing.isEmpty() && !resolved.isTorchtunes()) {
      throw new ConfigException(missing);
    }
    bound.notes().forEach(terminal.out()::println);
    missing.forEach(m -> terminal.out().println(m + " before a run"));
    String adapters =
        configs.several() ? ", adapters " + String.join(", ", configs.byAdapter().keySet()) : "";
    terminal.out().println(config + ": valid for " + name + adapters);
    return 0;
  }

  /** What is said of a device that the backend has no native libraries for; loads nothing. */
  private Optional<String> deviceMissing(Config resolved) {
    BackendProvider backend = backends.get().find(resolved.text("backend"));
    String device = resolved.text("device");
    if (device.isEmpty()
        || Device.parse(device).type() != Device.Type.CUDA
        || backend.capabilities().contains(Capability.CUDA)) {
      return Optional.empty();
    }
    return Optional.of(
        "device is %s, backend '%s' here has native libraries for the CPU only; use device=cpu, or build with the GPU artefacts (Maven profile gpu)"
            .formatted(device, backend.name()));
  }
}

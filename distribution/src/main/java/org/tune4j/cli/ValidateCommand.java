package org.tune4j.cli;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.config.Binder;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.Config;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.recipe.Recipe;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "validate",
    description = "Checks a config: every key, every value, without loading anything.",
    sortOptions = false)
final class ValidateCommand implements Callable<Integer> {
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
      description = "The recipe it is for; without it, the one that its comments run.")
  private @Nullable String recipe;

  @Mixin private PluginOptions plugins;

  private final Provider<ComponentRegistry> components;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ValidateCommand(Provider<ComponentRegistry> components, Terminal terminal) {
    this.components = components;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    plugins.load();
    String text = ShippedConfigs.text(config);
    List<String> recipes = components.get().names(Recipe.class);
    String name = recipe;
    if (name == null) {
      name =
          RecipeNames.of(text, recipes)
              .orElseThrow(
                  () ->
                      new UsageException(
                          "config '%s' does not say which recipe it is for; add --recipe with one of %s"
                              .formatted(config, String.join(", ", recipes))));
    }
    Config resolved = Config.parse(config, text).with(overrides);
    Binder.bind(components.get(), Recipe.class, name, resolved);
    Binder.notes(resolved).forEach(terminal.out()::println);
    terminal.out().println(config + ": valid for " + name);
    return 0;
  }
}

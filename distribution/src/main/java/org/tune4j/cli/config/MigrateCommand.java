package org.tune4j.cli.config;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.Binder;
import org.tune4j.config.Bound;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.Config;
import org.tune4j.config.Migration;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.recipe.Recipe;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code tune migrate}. */
@Command(
    name = "migrate",
    description = "Writes a torchtune config in Tune4J's names, without keys that have no effect.",
    sortOptions = false)
public final class MigrateCommand implements Callable<Integer> {
  @Parameters(paramLabel = "FILE", description = "A YAML file.")
  private String config;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "The file to write (default: prints it).")
  private @Nullable Path output;

  @Option(names = "--force", description = "Replaces an existing file.")
  private boolean force;

  @Option(
      names = "--recipe",
      paramLabel = "RECIPE",
      description = "The config's recipe (default: the one named in its comments).")
  private @Nullable String recipe;

  @Spec private CommandSpec spec;
  @Mixin private PluginOptions plugins;

  private final Provider<ComponentRegistry> components;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  MigrateCommand(Provider<ComponentRegistry> components, Terminal terminal) {
    this.components = components;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    plugins.load();
    String text = ShippedConfigs.text(config);
    ComponentRegistry known = components.get();
    String name = RecipeNames.of(recipe, config, text, known);
    Bound<Recipe> bound = bound(known, name, text);
    Migration.Result result = Migration.of(known, Recipe.class, name, config, text);
    String target = output == null ? config : output.toString();
    String migrated =
        RecipeNames.inComments(target, result.text()).equals(Optional.of(name))
            ? result.text()
            : RecipeNames.comment(name) + result.text();
    bound(known, name, migrated);
    if (output == null) {
      terminal.out().print(migrated);
    } else {
      NewFile.write(output, migrated, force, true);
      terminal.out().println("wrote " + output);
    }
    bound.missing().forEach(this::say);
    if (!result.dropped().isEmpty()) {
      say("dropped, as they have no effect: " + String.join(", ", result.dropped()));
    }
    return 0;
  }

  private void say(String line) {
    spec.commandLine().getErr().println(line);
  }

  private Bound<Recipe> bound(ComponentRegistry known, String name, String text) {
    Config resolved =
        Binder.resolve(known, Recipe.class, name, Config.parse(config, text), List.of());
    return Binder.bound(known, Recipe.class, name, resolved);
  }
}

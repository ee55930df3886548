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
import org.tune4j.recipe.RunContext;
import org.tune4j.spi.Backends;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "run",
    description = "Runs a recipe with a config.",
    sortOptions = false,
    footer = {
      "",
      "The config's keys are explained in it: `tune cat NAME`. The environment variable"
          + " TUNE_BACKEND",
      "names the backend where neither the config nor an override does."
    })
final class RunCommand implements Callable<Integer> {
  private static final String RESUME = "resume_from_checkpoint=true";

  @Parameters(index = "0", paramLabel = "RECIPE", description = "What to do; `tune ls` lists them.")
  private String recipe;

  @Option(
      names = "--config",
      required = true,
      paramLabel = "NAME_OR_FILE",
      description = "A shipped config or a YAML file.")
  private String config;

  @Parameters(
      index = "1..*",
      paramLabel = "OVERRIDE",
      description = "key=value, section.key=value or ~key.")
  private List<String> overrides = new ArrayList<>();

  @Option(
      names = "--resume",
      description =
          "Goes on from the newest checkpoint of output_dir: resume_from_checkpoint=true.")
  private boolean resume;

  @Option(
      names = "--dry-run",
      description = "Builds everything, runs one step, writes nothing and reports.")
  private boolean dryRun;

  @ArgGroup(heading = "%nAs torchrun takes them:%n", exclusive = false)
  private @Nullable TorchrunOptions torchrun;

  @Spec private CommandSpec spec;
  @Mixin private PluginOptions plugins;

  private final Provider<Backends> backends;
  private final Provider<ComponentRegistry> components;
  private final HubModels models;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  RunCommand(
      Provider<Backends> backends,
      Provider<ComponentRegistry> components,
      HubModels models,
      Terminal terminal) {
    this.models = models;
    this.backends = backends;
    this.components = components;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    if (torchrun != null) {
      torchrun.refuseSeveralProcesses();
    }
    if (recipe.indexOf('=') > 0 || recipe.startsWith("~")) {
      throw new UsageException(
          "'%s' stands where the recipe's name is expected; write tune run RECIPE --config"
                  .formatted(recipe)
              + " NAME_OR_FILE [key=value ...]");
    }
    plugins.load(config);
    List<String> changes = new ArrayList<>(overrides);
    if (resume) {
      changes.add(RESUME);
    }
    Config given = ShippedConfigs.read(config).with(changes);
    Config resolved = models.fetched(given, spec.commandLine().getErr());
    Recipe built = Binder.bind(components.get(), Recipe.class, recipe, resolved);
    Binder.notes(resolved).forEach(terminal.out()::println);
    try (StopSignal stop = StopSignal.listen()) {
      built.run(
          new RunContext(
              backends.get(),
              RecipeNames.comment(recipe) + resolved.toYaml(),
              resolved.settings(),
              resumeCommand(),
              terminal.out(),
              terminal.interactive(),
              dryRun,
              stop::requested));
    }
    return 0;
  }

  /** What the user would type to go on. */
  private String resumeCommand() {
    StringBuilder command = new StringBuilder("tune run " + recipe + " --config " + quoted(config));
    plugins.again().forEach(p -> command.append(' ').append(quoted(p)));
    for (String o : overrides) {
      if (!o.startsWith("resume_from_checkpoint=")) {
        command.append(' ').append(quoted(o));
      }
    }
    return command + " " + RESUME;
  }

  /** As a POSIX shell takes it. */
  private static String quoted(String argument) {
    return argument.matches("[A-Za-z0-9_./=:,@%+~-]+")
        ? argument
        : "'" + argument.replace("'", "'\\''") + "'";
  }
}

package org.tune4j.cli.train;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.agent.Agent;
import org.tune4j.agent.ProcessRanks;
import org.tune4j.agent.TorchrunOptions;
import org.tune4j.cli.config.BoundRuns;
import org.tune4j.cli.config.ModelFolder;
import org.tune4j.cli.config.PluginOptions;
import org.tune4j.cli.config.RecipeNames;
import org.tune4j.cli.hub.HubModels;
import org.tune4j.cli.terminal.NamedLines;
import org.tune4j.cli.terminal.StopSignal;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.collective.LocalRanks;
import org.tune4j.collective.Ranks;
import org.tune4j.collective.RunsInTurn;
import org.tune4j.config.Bound;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.Config;
import org.tune4j.config.RunConfigs;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.platform.Platform;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.recipe.RunListener;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Backends;
import org.tune4j.spi.Capability;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code tune run}. */
@Command(
    name = "run",
    description = "Runs a recipe with a config.",
    sortOptions = false,
    footer = {
      "",
      "`tune cat NAME` prints a config with its keys explained. The environment variable "
          + "TUNE_BACKEND sets the backend if neither the config nor an override does."
    })
public final class RunCommand implements Callable<Integer> {
  private static final String RESUME = "resume_from_checkpoint=true";
  private static final String OVERWRITE = "overwrite";

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "RECIPE",
      description = {
        "The recipe; `tune ls` lists them (default: the one named in the config's comments)."
      })
  private @Nullable String recipe;

  @Option(
      names = "--config",
      paramLabel = "NAME_OR_FILE",
      description = {
        "A shipped config or a YAML file. `tune run FILE` is short for `tune run --config FILE`."
      })
  private @Nullable String config;

  @Parameters(
      index = "1..*",
      paramLabel = "OVERRIDE",
      description = "key=value, section.key=value or ~key.")
  private List<String> overrides = new ArrayList<>();

  @Option(
      names = "--resume",
      description =
          "Continues from output_dir's newest checkpoint, as resume_from_checkpoint=true.")
  private boolean resume;

  @Option(
      names = "--overwrite",
      description =
          "Deletes an earlier run's results in output_dir instead of failing,"
              + " as overwrite=true.")
  private boolean overwrite;

  @Option(
      names = "--allow-other-compute",
      description =
          "Resumes also where another type is computed in, which rounds differently,"
              + " as allow_other_compute=true.")
  private boolean allowOtherCompute;

  @Option(
      names = "--dry-run",
      description = "Builds everything, runs one step and reports, without writing files.")
  private boolean dryRun;

  @ArgGroup(heading = "%ntorchrun's options:%n", exclusive = false)
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
    plugins.load();
    if (recipe != null && (recipe.indexOf('=') > 0 || recipe.startsWith("~"))) {
      overrides.add(0, recipe);
      recipe = null;
    }
    if (config == null
        && recipe != null
        && components.get().shortName(recipe, Recipe.class).isEmpty()) {
      config = recipe;
      recipe = null;
    }
    if (config == null) {
      throw new UsageException(
          "no config was given; write tune run [RECIPE] --config NAME_OR_FILE [key=value ...]");
    }
    String text = ShippedConfigs.text(config);
    return run(RecipeNames.of(recipe, config, text, components.get()), config, text);
  }

  private int run(String recipe, String config, String text) {
    RunConfigs configs = resolved(recipe, config, text);
    Bound<Map<String, Recipe>> bound = BoundRuns.of(components.get(), recipe, configs);
    Recipe built = bound.component().values().iterator().next();
    Config resolved = configs.first();
    TorchrunOptions options = torchrun == null ? new TorchrunOptions() : torchrun;
    int worldSize = options.worldSize();
    StopSignal signal = new StopSignal(Agent.listener(System.getenv()), System::nanoTime);
    Optional<Ranks> launched =
        torchrun == null
            ? ProcessRanks.of(
                System.getenv(),
                backends.get(),
                rank -> signal.listen(rank == 0 ? System.err : null))
            : Optional.empty();
    int asked = launched.map(Ranks::worldSize).orElse(worldSize);
    if ((worldSize > 1 || launched.isPresent()) && !built.distributed()) {
      throw new UsageException(
          "recipe %s runs on one rank, %d were requested; %s"
              .formatted(
                  recipe,
                  asked,
                  recipe.endsWith("_single_device")
                      ? "use " + recipe.replace("_single_device", "_distributed")
                      : "start one"));
    }
    boolean agent = worldSize > 1 && !threads(options, resolved);
    if (launched.isEmpty()) {
      bound.notes().forEach(terminal.out()::println);
      // A rank of several does when they have met: one that waits for others has nothing to save.
      signal.listen(agent ? null : System.err);
    }
    try (StopSignal stop = signal) {
      if (configs.several()) {
        new AdapterRuns(terminal.out())
            .run(
                backends.get(),
                bound.component(),
                (adapter, turn, listener) ->
                    context(recipe, configs, adapter, stop, turn, listener));
      } else if (worldSize == 1) {
        built.run(context(recipe, resolved, stop, launched.orElse(Ranks.alone(backends.get()))));
      } else if (!agent) {
        runOnThreads(
            ranks -> built.run(context(recipe, resolved, stop, ranks)), resolved, worldSize);
      } else {
        new Agent(
                options,
                worker(recipe, config),
                resumeCommand(),
                terminal.out(),
                System.err,
                stop::requested)
            .run();
      }
    }
    return 0;
  }

  /** The configs with what was asked for here, their model fetched. */
  private RunConfigs resolved(String recipe, String config, String text) {
    List<String> changes = new ArrayList<>(overrides);
    if (resume) {
      changes.add(RESUME);
    }
    if (overwrite) {
      changes.add(OVERWRITE + "=true");
    }
    if (allowOtherCompute) {
      changes.add("allow_other_compute=true");
    }
    ComponentRegistry known = components.get();
    RunConfigs given =
        RunConfigs.resolve(known, Recipe.class, recipe, Config.parse(config, text), changes);
    BoundRuns.of(known, recipe, given).complete(); // before anything is fetched
    RunConfigs resolved = given.map(c -> models.fetched(c, spec.commandLine().getErr()));
    ModelFolder.require(resolved.first(), text);
    return resolved;
  }

  private void runOnThreads(Consumer<Ranks> run, Config resolved, int worldSize) {
    terminal
        .out()
        .printf(
            "%d ranks are threads of this process%s%n",
            worldSize,
            // Empty where the config leaves it out: the CPU.
            resolved.text("device").matches("(cuda|gpu).*")
                ? ", each on its own GPU"
                : " and share the frozen weights");
    LocalRanks.run(worldSize, backends.get(), ProcessRanks.timeout(System.getenv()), run);
  }

  /** Whether ranks are threads: where that was asked for, or the backend knows no other way. */
  private boolean threads(TorchrunOptions options, Config resolved) {
    BackendProvider provider = backends.get().find(resolved.text("backend"));
    boolean processes = provider.capabilities().contains(Capability.PROCESSES);
    TorchrunOptions.How how = options.how();
    boolean threads = how == TorchrunOptions.How.THREADS || !processes;
    if (threads && options.nodes() > 1) {
      throw new UsageException(
          "--nnodes is %s: ranks of backend '%s' are threads of one process; use backend=javacpp%s"
              .formatted(
                  options.givenNodes(),
                  provider.name(),
                  processes ? " and --ranks processes" : ""));
    }
    if (threads && how == TorchrunOptions.How.PROCESSES) {
      throw new UsageException(
          "--ranks is processes, but backend '%s' has no %s; use --ranks threads or backend=javacpp"
              .formatted(provider.name(), Capability.PROCESSES));
    }
    if (threads && options.maxRestarts() > 0) {
      throw new UsageException(
          "--max_restarts is %d, but ranks are threads of this process; leave it out, or use backend=javacpp and --ranks processes"
              .formatted(options.maxRestarts()));
    }
    return threads;
  }

  private RunContext context(String recipe, Config resolved, StopSignal stop, Ranks ranks) {
    return new RunContext(
        backends.get(),
        RecipeNames.comment(recipe) + again(resolved).toYaml(),
        resolved.settings(),
        resumeCommand(),
        terminal.out(),
        terminal.interactive(),
        dryRun,
        stop::requested,
        ranks,
        stop);
  }

  /** That of one of several adapters' runs. A bar would be another's in turn, so there is none. */
  private RunContext context(
      String recipe,
      RunConfigs configs,
      String adapter,
      StopSignal stop,
      RunsInTurn.Turn turn,
      RunListener listener) {
    Config own = Objects.requireNonNull(configs.byAdapter().get(adapter));
    return new RunContext(
        backends.get(),
        RecipeNames.comment(recipe) + again(own).toYaml(),
        own.settings(),
        resumeCommand(),
        NamedLines.to(adapter, terminal.out()),
        false,
        dryRun,
        () -> {
          turn.pass();
          return stop.requested();
        },
        turn,
        listener);
  }

  /** What is saved beside the results: run again, it does not delete them unasked. */
  private Config again(Config resolved) {
    return overwrite ? resolved.with(List.of("~" + OVERWRITE)) : resolved;
  }

  /** This command as each rank's process gets it: without what concerns the launch. */
  private List<String> worker(String recipe, String config) {
    List<String> arguments = new ArrayList<>();
    arguments.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      if (!flag.startsWith("-Dtune4j.terminal=")) {
        arguments.add(flag);
      }
    }
    arguments.addAll(
        List.of("-cp", System.getProperty("java.class.path"), "org.tune4j.launcher.Launcher"));
    arguments.addAll(List.of("run", recipe, "--config", config));
    arguments.addAll(overrides);
    arguments.addAll(plugins.again());
    if (resume) {
      arguments.add("--resume");
    }
    if (overwrite) {
      arguments.add("--overwrite");
    }
    if (allowOtherCompute) {
      arguments.add("--allow-other-compute");
    }
    if (dryRun) {
      arguments.add("--dry-run");
    }
    return arguments;
  }

  /** What the user would type to go on. */
  private String resumeCommand() {
    String ofAgent = System.getenv("TUNE_RESUME_COMMAND");
    if (ofAgent != null) {
      return ofAgent;
    }
    StringBuilder command = new StringBuilder("tune");
    boolean secret = false; // the value of an option is the next argument
    for (String argument : spec.commandLine().getParseResult().originalArgs()) {
      boolean token = argument.matches("--rdzv[_-]token(=.*)?");
      if (!token
          && !secret
          && !argument.matches("--resume|--overwrite|(resume_from_checkpoint|overwrite)=.*")) {
        command.append(' ').append(Platform.here().quoted(argument));
      }
      secret = token && !argument.contains("=");
    }
    return command + " " + RESUME;
  }
}

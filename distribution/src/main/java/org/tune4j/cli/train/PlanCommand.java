package org.tune4j.cli.train;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.agent.TorchrunOptions;
import org.tune4j.cli.config.BoundRuns;
import org.tune4j.cli.config.ModelFolder;
import org.tune4j.cli.config.PluginOptions;
import org.tune4j.cli.config.RecipeNames;
import org.tune4j.cli.hub.HubModels;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.Binder;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.Config;
import org.tune4j.config.RunConfigs;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.data.DatasetSpec;
import org.tune4j.memory.Load;
import org.tune4j.memory.MemoryPlan;
import org.tune4j.memory.RankLayout;
import org.tune4j.memory.RunMemory;
import org.tune4j.memory.RunMemory.RankPlan;
import org.tune4j.platform.AvailableMemory;
import org.tune4j.recipe.Recipe;
import org.tune4j.spi.Backends;
import org.tune4j.spi.Capability;
import org.tune4j.spi.KernelMemory;
import org.tune4j.tensor.Engine;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.TrainingData;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tune plan}. */
@Command(
    name = "plan",
    description = "Prints the memory that a run would take, without loading weights.",
    sortOptions = false)
public final class PlanCommand implements Callable<Integer> {
  /** Tokens of a row where neither the data nor the config tells. */
  private static final int ASSUMED = 512;

  @Option(
      names = "--config",
      required = true,
      paramLabel = "NAME_OR_FILE",
      description = "A shipped config or a YAML file.")
  private String config;

  @Option(
      names = "--recipe",
      paramLabel = "RECIPE",
      description = "The config's recipe (default: the one named in its comments).")
  private @Nullable String recipe;

  @Parameters(paramLabel = "OVERRIDE", description = "key=value, section.key=value or ~key.")
  private List<String> overrides = new ArrayList<>();

  @ArgGroup(heading = "%ntorchrun's options:%n", exclusive = false)
  private @Nullable TorchrunOptions torchrun;

  @Mixin private PluginOptions plugins;

  private final Provider<Backends> backends;
  private final Provider<ComponentRegistry> components;
  private final HubModels models;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  PlanCommand(
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
    String text = ShippedConfigs.text(config);
    ComponentRegistry known = components.get();
    String name = RecipeNames.of(recipe, config, text, known);
    RunConfigs configs =
        RunConfigs.resolve(known, Recipe.class, name, Config.parse(config, text), overrides)
            .map(models::cached);
    Map<String, Recipe> recipes = BoundRuns.of(known, name, configs).component();
    Recipe bound = recipes.values().iterator().next();
    if (!(bound instanceof RunMemory.Planned planned)) {
      throw new UsageException("recipe '%s' has no memory plan".formatted(name));
    }
    TorchrunOptions options = torchrun == null ? new TorchrunOptions() : torchrun;
    if (options.worldSize() > 1 && !bound.distributed()) {
      throw new UsageException(
          "recipe %s runs on one rank, %d were requested".formatted(name, options.worldSize()));
    }
    RunMemory memory = planned.memory();
    if (!memory.hasCheckpoint()) {
      sayWhatIsMissing(memory, configs.first(), text);
    }
    try (Engine engine = memory.compute().open(backends.get())) {
      String backend = engine.backend().name();
      KernelMemory kernels = engine.kernelMemory();
      boolean threads =
          options.how() == TorchrunOptions.How.THREADS
              || !backends.get().find(backend).capabilities().contains(Capability.PROCESSES);
      RankLayout layout = new RankLayout(options.worldSize(), options.perNode(), threads);
      if (configs.several()) {
        plan(recipes, configs, kernels, layout, known);
        return 0;
      }
      Load load = load(memory, kernels, layout, known, configs.first());
      if (bound.distributed()) {
        plan(memory, kernels, load, layout, configs.first().text("strategy"));
      } else {
        terminal.out().println(memory.plan(kernels, load));
        refused(memory.refusal(kernels, load, AvailableMemory.bytes()));
      }
    }
    return 0;
  }

  /** Of several adapters that are trained at once. */
  private void plan(
      Map<String, Recipe> recipes,
      RunConfigs configs,
      KernelMemory kernels,
      RankLayout layout,
      ComponentRegistry known) {
    List<RunMemory> memories =
        recipes.values().stream().map(r -> ((RunMemory.Planned) r).memory()).toList();
    List<Config> resolved = List.copyOf(configs.byAdapter().values());
    List<MemoryPlan> plans = new ArrayList<>();
    for (int i = 0; i < memories.size(); i++) {
      Load load = load(memories.get(i), kernels, layout, known, resolved.get(i));
      plans.add(memories.get(i).plan(kernels, load));
    }
    MemoryPlan together = MemoryPlan.inTurn(plans);
    terminal.out().println(together);
    refused(memories.get(0).refusal(together, AvailableMemory.bytes()));
  }

  private void plan(
      RunMemory memory, KernelMemory kernels, Load load, RankLayout layout, String strategy) {
    OptionalLong room = layout.room(AvailableMemory.bytes());
    Boolean sharded =
        switch (strategy) {
          case "ddp" -> false;
          case "fsdp" -> true;
          default -> null;
        };
    RankPlan chosen = memory.plan(kernels, load, layout, sharded, room);
    terminal
        .out()
        .printf(
            "%s %d ranks, strategy %s%n",
            layout.threads() ? "one process of" : "each of",
            layout.worldSize(),
            chosen.sharded()
                ? "fsdp: weights are sharded, layers checkpointed"
                : "ddp: every rank has all weights");
    terminal.out().println(chosen.plan());
    refused(memory.refusal(kernels, load, layout, chosen, room));
  }

  private void refused(Optional<String> refusal) {
    refusal.ifPresent(r -> terminal.out().println("does not fit here: " + r));
  }

  private void sayWhatIsMissing(RunMemory memory, Config resolved, String text) {
    Path folder = memory.checkpointer().checkpointDir();
    terminal
        .out()
        .printf(
            "%s: the plan uses the sizes of %s and assumes weights stored as %s%n",
            ModelFolder.missing(resolved, text).orElse("there are no weights in " + folder),
            memory.model().config() == null ? "its config.json" : memory.model().name(),
            memory.storedType());
  }

  /** The heaviest micro-batch of the data, or one of rows as long as may be. */
  private Load load(
      RunMemory memory,
      KernelMemory kernels,
      RankLayout layout,
      ComponentRegistry known,
      Config resolved) {
    TokenizerSpec tokenizer =
        Binder.bindSection(
            known, TokenizerSpec.class, "tokenizer", resolved, TokenizerSpec.none(null));
    DatasetSpec dataset =
        Binder.bindSection(known, DatasetSpec.class, "dataset", resolved).component();
    Path folder = memory.checkpointer().checkpointDir();
    String reason;
    try {
      return memory.heaviest(
          kernels,
          TrainingData.read(tokenizer, folder, dataset, null).train(),
          layout,
          layout.worldSize());
    } catch (TuneException e) {
      // Of a folder that is not there enough was said.
      boolean said = Files.notExists(folder) && resolved.text("tokenizer.path").isEmpty();
      reason = said ? "" : " (%s)".formatted(e.getMessage());
    }
    Integer limit = tokenizer.maxSeqLen();
    int tokens = limit == null ? ASSUMED : limit;
    int rows = memory.rowsOf(layout);
    terminal
        .out()
        .printf(
            "the data cannot be read%s: assuming %d rows of %d tokens, %s%n",
            reason,
            rows,
            tokens,
            limit == null ? "as tokenizer.max_seq_len gives none" : "tokenizer.max_seq_len");
    return Load.of(rows, tokens);
  }
}

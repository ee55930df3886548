package org.tune4j.cli;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.config.Binder;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.Config;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.data.DatasetSpec;
import org.tune4j.memory.AvailableMemory;
import org.tune4j.memory.Load;
import org.tune4j.recipe.Recipe;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Engine;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.RunMemory;
import org.tune4j.training.TrainingData;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "plan",
    description = "Says what memory a run would take, without loading weights.",
    sortOptions = false)
final class PlanCommand implements Callable<Integer> {
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
      description = "The recipe it is for; without it, the one that its comments run.")
  private @Nullable String recipe;

  @Parameters(paramLabel = "OVERRIDE", description = "key=value, section.key=value or ~key.")
  private List<String> overrides = new ArrayList<>();

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
    String name = RecipeNames.of(recipe, config, text, known.names(Recipe.class));
    Config resolved = models.cached(Config.parse(config, text).with(overrides));
    if (!(Binder.bind(known, Recipe.class, name, resolved) instanceof RunMemory.Planned planned)) {
      throw new UsageException("recipe '%s' has no memory plan".formatted(name));
    }
    RunMemory memory = planned.memory();
    Path folder = memory.checkpointer().checkpointDir();
    if (!memory.hasCheckpoint()) {
      terminal
          .out()
          .printf(
              "there is no %s: sizes are those of %s, weights are taken to be stored as %s%n",
              folder, memory.model().name(), memory.compute().type());
    }
    try (Engine engine = memory.compute().open(backends.get())) {
      String backend = engine.backend().name();
      TokenizerSpec tokenizer =
          Binder.bindSection(known, TokenizerSpec.class, "tokenizer", resolved);
      DatasetSpec dataset = Binder.bindSection(known, DatasetSpec.class, "dataset", resolved);
      Load load = load(memory, backend, tokenizer, dataset, folder);
      terminal.out().println(memory.plan(backend, load));
      memory
          .refusal(backend, load, AvailableMemory.bytes())
          .ifPresent(r -> terminal.out().println("refused here: " + r));
    }
    return 0;
  }

  /** The heaviest micro-batch of the data, or one of rows as long as may be. */
  private Load load(
      RunMemory memory,
      String backend,
      TokenizerSpec tokenizer,
      DatasetSpec dataset,
      Path modelFolder) {
    try {
      return memory.heaviest(
          backend, TrainingData.read(tokenizer, modelFolder, dataset, null).train());
    } catch (TuneException e) {
      Integer limit = tokenizer.maxSeqLen();
      int tokens = limit == null ? ASSUMED : limit;
      int rows = memory.training().batchSize();
      terminal
          .out()
          .printf(
              "the data cannot be read (%s): %d rows of %d tokens are assumed, %s%n",
              e.getMessage(),
              rows,
              tokens,
              limit == null ? "as tokenizer.max_seq_len gives none" : "tokenizer.max_seq_len");
      return Load.of(rows, tokens);
    }
  }
}

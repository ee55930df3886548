package org.tune4j.cli.data;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.cli.config.ModelFolder;
import org.tune4j.cli.config.PluginOptions;
import org.tune4j.cli.config.RecipeNames;
import org.tune4j.cli.hub.HubModels;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.Binder;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.Config;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.data.Dataset;
import org.tune4j.data.DatasetReport;
import org.tune4j.data.DatasetSpec;
import org.tune4j.data.Example;
import org.tune4j.recipe.Recipe;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "inspect",
    description = {
      "Prints rows as the model sees them, and their lengths. Trained tokens are coloured "
          + "on a terminal and in [[brackets]] elsewhere."
    },
    sortOptions = false)
final class DataInspectCommand implements Callable<Integer> {
  @Option(
      names = "--config",
      required = true,
      paramLabel = "NAME_OR_FILE",
      description = "A shipped config or a YAML file.")
  private String config;

  @Option(
      names = "--rows",
      defaultValue = "3",
      paramLabel = "N",
      description = "Number of rows to print (default: ${DEFAULT-VALUE}).")
  private int rows;

  @Option(
      names = "--json",
      description = {
        "Prints each row as one line of JSON: input_ids, and trained, which says for each "
            + "token whether it is trained on. Everything else goes to standard error."
      })
  private boolean json;

  @Option(
      names = "--section",
      defaultValue = "dataset",
      paramLabel = "KEY",
      description = "The section to read: dataset or dataset_val (default: ${DEFAULT-VALUE}).")
  private String section;

  @Option(
      names = "--recipe",
      paramLabel = "RECIPE",
      description = "The config's recipe (default: the one named in its comments).")
  private @Nullable String recipe;

  @Parameters(paramLabel = "OVERRIDE", description = "key=value, section.key=value or ~key.")
  private List<String> overrides = new ArrayList<>();

  @Spec private CommandSpec spec;
  @Mixin private PluginOptions plugins;

  private final Provider<ComponentRegistry> components;
  private final HubModels models;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  DataInspectCommand(Provider<ComponentRegistry> components, HubModels models, Terminal terminal) {
    this.models = models;
    this.components = components;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    if (rows < 0) {
      throw new UsageException("--rows is %d, expected 0 or more".formatted(rows));
    }
    plugins.load();
    String text = ShippedConfigs.text(config);
    ComponentRegistry known = components.get();
    Config given = checked(text, known);
    Config resolved = models.fetched(given, spec.commandLine().getErr());
    DatasetSpec spec = Binder.bindSection(known, DatasetSpec.class, section, resolved).complete();
    TokenizerSpec tokens =
        Binder.bindSection(
            known, TokenizerSpec.class, "tokenizer", resolved, TokenizerSpec.none(null));
    if (resolved.text("tokenizer.path").isEmpty() && !tokens.isNone()) {
      ModelFolder.require(resolved, text);
    }
    HuggingFaceCheckpointer model =
        Binder.bindSection(known, HuggingFaceCheckpointer.class, "checkpointer", resolved)
            .component();
    Integer limit = tokens.maxSeqLen();
    try (Tokenizer tokenizer = tokens.open(model.checkpointDir())) {
      Dataset data = spec.open(tokenizer, limit == null ? Integer.MAX_VALUE : limit);
      RowText shown = new RowText(tokenizer, spec.labels(), terminal.interactive());
      for (int i = 0; i < Math.min(rows, data.size()); i++) {
        Example example = data.get(i);
        terminal.out().print(json ? RowText.json(example) : shown.of(i + 1, example));
      }
      if (json) {
        this.spec.commandLine().getErr().print(statistics(data));
        this.spec.commandLine().getErr().flush();
      } else {
        terminal.out().print(statistics(data));
      }
    }
    return 0;
  }

  /** The config; what the recipe would refuse is refused, above all keys that nothing reads. */
  private Config checked(String text, ComponentRegistry known) {
    String name =
        recipe == null && RecipeNames.inComments(config, text).isEmpty()
            ? null
            : RecipeNames.of(recipe, config, text, known);
    Config given = Binder.resolve(known, Recipe.class, name, Config.parse(config, text), overrides);
    if (name == null) {
      Binder.checkKeys(known, Recipe.class, given);
    } else {
      Binder.bind(known, Recipe.class, name, given);
    }
    return given;
  }

  private static String statistics(Dataset data) {
    DatasetReport report = data.report();
    int[] lengths = data.rowLengths().sorted().toArray();
    String tokens =
        String.format(
            Locale.ROOT,
            "tokens per row: min %d, median %d, p95 %d, max %d%n",
            lengths[0],
            quantile(lengths, 0.5),
            quantile(lengths, 0.95),
            lengths[lengths.length - 1]);
    String packs =
        report.examples() == report.rows()
            ? ""
            : String.format(
                Locale.ROOT,
                "packs: %.1f rows, %.1f tokens each%n",
                (double) report.rows() / report.examples(),
                (double) report.tokens() / report.examples());
    return "%s%n".formatted(report) + tokens + packs;
  }

  /** The smallest length that so large a part of the rows does not exceed. */
  private static int quantile(int[] sorted, double part) {
    return sorted[Math.max(0, (int) Math.ceil(part * sorted.length) - 1)];
  }
}

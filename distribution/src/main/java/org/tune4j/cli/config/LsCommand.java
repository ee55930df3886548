package org.tune4j.cli.config;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.tune4j.cli.terminal.Table;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.data.DatasetSpec;
import org.tune4j.data.MessageTransform;
import org.tune4j.evaluation.EvaluationTask;
import org.tune4j.loss.DistillationLoss;
import org.tune4j.metrics.MetricLogger;
import org.tune4j.models.ModelSpec;
import org.tune4j.nn.Objective;
import org.tune4j.optim.LrSchedule;
import org.tune4j.optim.Optimizer;
import org.tune4j.plugins.Plugins;
import org.tune4j.recipe.Recipe;
import org.tune4j.spi.Backends;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code tune ls}. */
@Command(name = "ls", description = "Lists recipes, shipped configs, and what plugins add.")
public final class LsCommand implements Callable<Integer> {
  private static final Map<Class<?>, String> KINDS = new LinkedHashMap<>();

  static {
    KINDS.put(Recipe.class, "recipe");
    KINDS.put(ModelSpec.class, "model builder");
    KINDS.put(DatasetSpec.class, "data set");
    KINDS.put(MessageTransform.class, "message transform");
    KINDS.put(Objective.class, "loss");
    KINDS.put(DistillationLoss.class, "distillation loss");
    KINDS.put(Optimizer.Spec.class, "optimizer");
    KINDS.put(LrSchedule.class, "lr schedule");
    KINDS.put(MetricLogger.Spec.class, "metric logger");
    KINDS.put(EvaluationTask.class, "evaluation task");
  }

  @Mixin
  @SuppressWarnings("UnusedVariable") // what picocli hands it reaches the search for plugins
  private PluginOptions options;

  private final Provider<ComponentRegistry> components;
  private final Provider<Backends> backends;
  private final Provider<Plugins> plugins;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the field
  LsCommand(
      Provider<ComponentRegistry> components,
      Provider<Backends> backends,
      Provider<Plugins> plugins,
      Terminal terminal) {
    this.components = components;
    this.backends = backends;
    this.plugins = plugins;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    List<String> recipes = components.get().names(Recipe.class);
    Map<String, List<String>> configs = new LinkedHashMap<>();
    recipes.forEach(r -> configs.put(r, new ArrayList<>()));
    for (String name : ShippedConfigs.names()) {
      String recipe =
          RecipeNames.inComments(name, ShippedConfigs.text(name))
              .filter(recipes::contains)
              .orElse("-");
      configs.computeIfAbsent(recipe, r -> new ArrayList<>()).add(name);
    }
    Table table = new Table("RECIPE", "CONFIG");
    configs.forEach(
        (recipe, names) -> {
          String first = recipe;
          for (String name : names.isEmpty() ? List.of("-") : names) {
            table.row(first, name);
            first = "";
          }
        });
    table.print(terminal.out());
    plugins();
    return 0;
  }

  /** What plugins bring, and what is wrong with them. */
  private void plugins() {
    Plugins found = plugins.get();
    Table table = new Table("PLUGIN COMPONENT", "KIND", "ORIGIN");
    int rows = 0;
    for (ComponentRegistry.Listed c : components.get().all()) {
      if (!c.origin().equals(ComponentRegistry.BUILT_IN)) {
        table.row(c.name(), kind(c.kind()), c.origin());
        rows++;
      }
    }
    if (found.bringBackends()) {
      for (Plugins.ListedBackend b : found.backends(backends.get())) {
        table.row(b.name(), "backend", b.origin());
        rows++;
      }
    }
    if (rows > 0) {
      terminal.out().println();
      table.print(terminal.out());
    }
    if (!found.problems().isEmpty()) {
      terminal.out().println();
      terminal.out().println("PLUGIN PROBLEMS");
      found.problems().forEach(terminal.out()::println);
    }
  }

  private static String kind(Class<?> given) {
    return KINDS.entrySet().stream()
        .filter(k -> k.getKey().isAssignableFrom(given))
        .map(Map.Entry::getValue)
        .findFirst()
        .orElse(given.getSimpleName());
  }
}

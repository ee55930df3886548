package org.tune4j.cli.model;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.cli.config.PluginOptions;
import org.tune4j.cli.terminal.Table;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.Binder;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.evaluation.Evaluation;
import org.tune4j.evaluation.Evaluation.Outcome;
import org.tune4j.evaluation.EvaluationTask;
import org.tune4j.evaluation.LogLikelihoods;
import org.tune4j.evaluation.TaskResult;
import org.tune4j.inference.InferenceModel;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.training.ComputeOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code tune eval}. */
@Command(
    name = "eval",
    description = "Scores models on lm-eval's tasks with local data.",
    sortOptions = false,
    footer = {
      "",
      "Several models and adapters are shown side by side. A custom task is a YAML "
          + "file with task, data, doc_to_text, doc_to_choice, doc_to_target and metric (acc or "
          + "mc2)."
    })
public final class EvalCommand implements Callable<Integer> {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "The model: a Hugging Face folder or repository; can be repeated.")
  private List<Path> models = new ArrayList<>();

  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      description = "A PEFT adapter for the models; can be repeated.")
  private List<Path> adapters = new ArrayList<>();

  @Option(names = "--with-base", description = "Also scores the model without an adapter.")
  private boolean withBase;

  @Option(
      names = "--tasks",
      required = true,
      split = ",",
      paramLabel = "TASK",
      description =
          "Comma-separated: truthfulqa_mc2, truthfulqa_mc1, perplexity, FILE.yaml, or of a"
              + " classifier classification or reward.")
  private List<String> tasks = new ArrayList<>();

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description = "The tasks' rows (default: the file that each task names).")
  private @Nullable Path data;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "0",
      description = "Number of rows per task; 0 for all (default: ${DEFAULT-VALUE}).")
  private int limit;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "The JSON file for results and samples.")
  private @Nullable Path output;

  @Mixin private ModelOptions compute;
  @Mixin private PluginOptions plugins;
  @Spec private CommandSpec spec;

  private final Provider<Backends> backends;
  private final Provider<ComponentRegistry> components;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  EvalCommand(
      Provider<Backends> backends, Provider<ComponentRegistry> components, Terminal terminal) {
    this.backends = backends;
    this.components = components;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    plugins.load();
    Evaluation evaluation =
        Evaluation.of(
            tasks, data, limit, null, Binder.byName(components.get(), EvaluationTask.class));
    List<Outcome> outcomes = new ArrayList<>();
    try (Engine engine = compute.open(backends.get())) {
      spec.commandLine().getErr().println(ComputeOptions.describe(engine));
      for (Path folder : models) {
        try (TensorScope scope = engine.openScope();
            InferenceModel model = compute.load(folder, adapters, engine)) {
          for (@Nullable Path adapter : variants()) {
            outcomes.add(run(evaluation, model, adapter));
          }
        }
      }
    }
    if (output != null) {
      Evaluation.write(output, outcomes);
    }
    print(outcomes);
    return 0;
  }

  private List<@Nullable Path> variants() {
    List<@Nullable Path> all = new ArrayList<>();
    if (withBase || adapters.isEmpty()) {
      all.add(null);
    }
    all.addAll(adapters);
    return all;
  }

  private Outcome run(Evaluation evaluation, InferenceModel model, @Nullable Path adapter) {
    String label = adapter == null ? model.folder().toString() : adapter.toString();
    try (TensorScope scope = model.engine().openScope()) {
      LogLikelihoods asked =
          new LogLikelihoods(model.engine(), scope, model.with(adapter), model.tokenizer());
      Outcome outcome = evaluation.run(label, asked);
      spec.commandLine()
          .getErr()
          .printf(Locale.ROOT, "%s: %.1f s%n", outcome.model(), outcome.seconds());
      return outcome;
    }
  }

  private void print(List<Outcome> outcomes) {
    List<String> head = new ArrayList<>(List.of("TASK", "METRIC"));
    outcomes.forEach(o -> head.add(o.model()));
    Table table = new Table(head.toArray(String[]::new));
    for (String task : outcomes.get(0).results().keySet()) {
      Set<String> metrics = new LinkedHashSet<>();
      outcomes.forEach(o -> metrics.addAll(result(o, task).names()));
      for (String metric : metrics) {
        List<String> cells = new ArrayList<>(List.of(task, metric));
        outcomes.forEach(o -> cells.add(result(o, task).cell(metric)));
        table.row(cells.toArray(String[]::new));
      }
    }
    table.print(terminal.out());
  }

  private static TaskResult result(Outcome o, String task) {
    return Objects.requireNonNull(o.results().get(task));
  }
}

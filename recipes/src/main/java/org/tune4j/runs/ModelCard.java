package org.tune4j.runs;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.hub.Repository;
import org.tune4j.metrics.MetricsFile;
import org.tune4j.metrics.StepMetrics;
import org.tune4j.models.Decoder;
import org.tune4j.nn.ParameterSummary;
import org.tune4j.recipe.RunContext;

/**
 * Tells in Markdown what a run has made: base model, data, hyper-parameters, losses and scores,
 * behind the metadata that model hubs read. It holds neither times nor folders, so that equal runs
 * write equal cards and a published card says nothing about the machine. Source: Model Cards, Hub
 * documentation of Hugging Face.
 */
public final class ModelCard {
  /** Rows of the loss table, beside those with a validation loss. */
  private static final int ROWS = 20;

  /** First parts of the keys that decide the result. */
  private static final Set<String> SETTINGS =
      Set.of(
          "model",
          "tokenizer",
          "dataset",
          "dataset_val",
          "loss",
          "optimizer",
          "lr_scheduler",
          "epochs",
          "max_steps_per_epoch",
          "batch_size",
          "gradient_accumulation_steps",
          "clip_grad_norm",
          "seed",
          "shuffle",
          "dtype");

  /** The folders of an absolute path; addresses of a hub are none. */
  private static final Pattern FOLDERS =
      Pattern.compile("(?<![\\w.:/])(?:/|[A-Za-z]:[\\\\/])[^,\\]'\"]*[\\\\/]");

  private final RunContext context;
  private final Path outputDir;
  private final Path baseModel;
  private final Decoder decoder;

  /**
   * The card of a run.
   *
   * @param context of the run
   * @param outputDir the run's folder, with its metrics
   * @param baseModel the folder that the run began with
   * @param decoder as it is trained; without storage will do
   */
  public ModelCard(RunContext context, Path outputDir, Path baseModel, Decoder decoder) {
    this.context = context;
    this.outputDir = outputDir;
    this.baseModel = baseModel;
    this.decoder = decoder;
  }

  /**
   * {@return the card}
   *
   * @param state where the run stands
   * @throws org.tune4j.EnvironmentException when the run's metrics cannot be read
   */
  public String text(RunState state) {
    List<StepMetrics> steps = MetricsFile.read(outputDir.resolve("logs"), state.step());
    Optional<AdapterConfig> adapter = decoder.adapter();
    StringBuilder card = new StringBuilder(metadata(adapter));
    Path name = baseModel.toAbsolutePath().normalize().getFileName();
    String base =
        repository()
            .map(id -> "[%1$s](https://huggingface.co/%1$s)".formatted(id))
            .orElse("" + name);
    card.append(
        adapter.isPresent()
            ? "# Adapter of %s%n%nA PEFT adapter of %s".formatted(name, base)
            : "# Fine-tuned %s%n%n%s, fine-tuned".formatted(name, base));
    card.append(
        " by Tune4J: %s, %d steps on %,d tokens.%n"
            .formatted(
                ParameterSummary.of(decoder),
                state.step(),
                steps.stream().mapToLong(StepMetrics::tokens).sum()));
    table(card, "Scores", "score | value", scores(state, steps));
    table(card, "Loss", "step | loss | validation loss", losses(steps));
    card.append("%n## Hyper-parameters%n%n```yaml%n".formatted());
    settings().forEach((key, value) -> card.append(key + ": " + value + "\n"));
    return card.append("```\n").toString().replace(System.lineSeparator(), "\n");
  }

  private Optional<String> repository() {
    return Repository.ofSnapshot(baseModel).map(Repository::name);
  }

  private String metadata(Optional<AdapterConfig> adapter) {
    StringBuilder yaml = new StringBuilder("---\n");
    repository().ifPresent(id -> yaml.append("base_model: " + id + "\n"));
    yaml.append("library_name: " + (adapter.isPresent() ? "peft" : "transformers") + "\n");
    boolean scores = decoder.config().labels().isPresent();
    yaml.append("pipeline_tag: text-" + (scores ? "classification" : "generation") + "\n");
    yaml.append("tags:\n- tune4j\n");
    adapter.ifPresent(
        config -> yaml.append("- " + config.type().peftType().toLowerCase(Locale.ROOT) + "\n"));
    return yaml.append("---\n\n").toString();
  }

  private static void table(StringBuilder card, String title, String head, List<String> rows) {
    if (rows.isEmpty()) {
      return;
    }
    card.append("\n## " + title + "\n\n| " + head + " |\n");
    card.append("|" + " --- |".repeat(head.split("\\|").length) + "\n");
    rows.forEach(row -> card.append("| " + row + " |\n"));
  }

  /** The newest value of each. */
  private static List<String> scores(RunState state, List<StepMetrics> steps) {
    Map<String, Double> scores = new LinkedHashMap<>();
    for (StepMetrics m : steps) {
      scores.putAll(m.scores());
      scores.putAll(m.objective());
    }
    if (state.bestValLoss() != null) {
      scores.put("least validation loss", state.bestValLoss());
    }
    return scores.entrySet().stream().map(s -> s.getKey() + " | " + decimal(s.getValue())).toList();
  }

  private static List<String> losses(List<StepMetrics> steps) {
    int every = Math.max(1, (steps.size() + ROWS - 1) / ROWS);
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      StepMetrics m = steps.get(i);
      if (m.valLoss() != null || i % every == 0 || i == steps.size() - 1) {
        rows.add(m.step() + " | " + decimal(m.loss()) + " | " + decimal(m.valLoss()));
      }
    }
    return rows;
  }

  private static String decimal(@Nullable Double value) {
    return value == null ? "" : String.format(Locale.ROOT, "%.4f", value);
  }

  private Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>();
    context
        .settings()
        .forEach(
            (key, value) -> {
              if (SETTINGS.contains(key.split("[.\\[]", 2)[0])) {
                String line = value.replaceAll("\\p{Cntrl}", " ");
                settings.put(key, FOLDERS.matcher(line).replaceAll(""));
              }
            });
    return settings;
  }
}

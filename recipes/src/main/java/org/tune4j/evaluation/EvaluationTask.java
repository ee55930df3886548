package org.tune4j.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.component.ByName;

/** Something to score a model by. */
public interface EvaluationTask {
  /** {@return what results are filed under} */
  String name();

  /** {@return the data file that the task's description names} */
  default Optional<Path> data() {
    return Optional.empty();
  }

  /**
   * Scores a model.
   *
   * @param model to be asked, on this thread
   * @param rows of the data file, at least one
   * @return metrics, and what was measured of each row
   * @throws org.tune4j.InputException when a row lacks a field
   * @throws java.util.concurrent.CancellationException when the model says that the run is to stop
   */
  TaskResult run(LogLikelihoods model, List<JsonNode> rows);

  /**
   * {@return a built-in task, or that of a YAML file}
   *
   * @param name what the user typed
   * @param include a folder where {@code NAME.yaml} is task {@code NAME}, before the built-in ones
   * @throws UsageException when there is none of that name
   */
  static EvaluationTask named(String name, @Nullable Path include) {
    return named(name, include, ByName.none());
  }

  /**
   * {@return the same, or a task that others brought}
   *
   * @param name what the user typed
   * @param include a folder where {@code NAME.yaml} is task {@code NAME}, before the built-in ones
   * @param others tasks that are not built in
   * @throws UsageException when there is none of that name
   */
  static EvaluationTask named(String name, @Nullable Path include, ByName<EvaluationTask> others) {
    if (name.endsWith(".yaml") || name.endsWith(".yml")) {
      return TaskFile.read(Path.of(name));
    }
    if (include != null && Files.exists(include.resolve(name + ".yaml"))) {
      return TaskFile.read(include.resolve(name + ".yaml"));
    }
    EvaluationTask task = builtIn(name);
    if (task == null) {
      task = others.find(name);
    }
    if (task == null) {
      throw new UsageException(
          "task '%s' is not known; there are truthfulqa_mc1, truthfulqa_mc2, perplexity, classification, reward, and a YAML file of your own"
              .formatted(name));
    }
    return task;
  }

  private static @Nullable EvaluationTask builtIn(String name) {
    return switch (name) {
      case "truthfulqa_mc1" -> TruthfulQa.mc1();
      case "truthfulqa_mc2" -> TruthfulQa.mc2();
      case "perplexity" -> new PerplexityTask("perplexity", "text", null);
      case "classification" -> new ClassificationTask("classification");
      case "reward" -> new RewardTask("reward");
      default -> null;
    };
  }
}

package org.tune4j.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.UsageException;
import org.tune4j.component.ByName;

/**
 * Tasks with their rows, run on one model after the other.
 *
 * @param tasks what to score by
 * @param rows of each task
 */
public record Evaluation(List<EvaluationTask> tasks, List<List<JsonNode>> rows) {
  /**
   * Reads the tasks and their data.
   *
   * @param names of tasks, or YAML files
   * @param data the data file of all of them; null where tasks name their own
   * @param limit maximum number of rows per task; 0 for all
   * @param include a folder where {@code NAME.yaml} is task {@code NAME}, before the built-in ones;
   *     null for none
   * @return ready to run
   * @throws UsageException when a task is not known or has no data file, or {@code limit} is below
   *     0
   * @throws org.tune4j.InputException when a YAML or a data file cannot be read, or has no rows
   */
  public static Evaluation of(
      List<String> names, @Nullable Path data, int limit, @Nullable Path include) {
    return of(names, data, limit, include, ByName.none());
  }

  /**
   * The same, and tasks that others brought.
   *
   * @param names of tasks, or YAML files
   * @param data the data file of all of them; null where tasks name their own
   * @param limit maximum number of rows per task; 0 for all
   * @param include a folder where {@code NAME.yaml} is task {@code NAME}, before the built-in ones;
   *     null for none
   * @param others tasks that are not built in
   * @return ready to run
   * @throws UsageException when a task is not known or has no data file, or {@code limit} is below
   *     0
   * @throws org.tune4j.InputException when a YAML or a data file cannot be read, or has no rows
   */
  public static Evaluation of(
      List<String> names,
      @Nullable Path data,
      int limit,
      @Nullable Path include,
      ByName<EvaluationTask> others) {
    List<EvaluationTask> tasks = tasks(names, data, limit, include, others);
    requireData(tasks, data);
    List<List<JsonNode>> rows =
        tasks.stream()
            .map(t -> TaskData.read(data == null ? t.data().orElseThrow() : data, limit))
            .toList();
    return new Evaluation(tasks, rows);
  }

  /**
   * Looks the tasks up and checks that each data file is there, without reading rows.
   *
   * @param names of tasks, or YAML files
   * @param data the data file of all of them; null where tasks name their own
   * @param limit maximum number of rows per task; 0 for all
   * @param include a folder where {@code NAME.yaml} is task {@code NAME}, before the built-in ones;
   *     null for none
   * @param others tasks that are not built in
   * @return the tasks, in order
   * @throws UsageException when a task is not known, or {@code limit} is below 0
   * @throws org.tune4j.InputException when a YAML file cannot be read, or a data file is missing
   */
  public static List<EvaluationTask> tasks(
      List<String> names,
      @Nullable Path data,
      int limit,
      @Nullable Path include,
      ByName<EvaluationTask> others) {
    if (limit < 0) {
      throw new UsageException("limit is %d, expected 0 (all) or more".formatted(limit));
    }
    List<EvaluationTask> tasks = new ArrayList<>();
    for (String name : names) {
      EvaluationTask task = EvaluationTask.named(name, include, others);
      Path file = data == null ? task.data().orElse(null) : data;
      if (file != null) {
        TaskData.require(file);
      }
      tasks.add(task);
    }
    return tasks;
  }

  /**
   * {@return what is said of the first task without a data file}
   *
   * @param tasks that were looked up
   * @param data the data file of all of them; null where tasks name their own
   */
  public static Optional<String> missing(List<EvaluationTask> tasks, @Nullable Path data) {
    return tasks.stream()
        .filter(t -> data == null && t.data().isEmpty())
        .findFirst()
        .map(
            t ->
                "task '%s' needs a data file, in JSON Lines as the task's data set has it"
                    .formatted(t.name()));
  }

  /**
   * Checks that each task has a data file.
   *
   * @param tasks that were looked up
   * @param data the data file of all of them; null where tasks name their own
   * @throws UsageException when one has none
   */
  public static void requireData(List<EvaluationTask> tasks, @Nullable Path data) {
    missing(tasks, data)
        .ifPresent(
            m -> {
              throw new UsageException(m);
            });
  }

  /**
   * One model's results.
   *
   * @param model for people
   * @param seconds that it took
   * @param results by task
   */
  public record Outcome(String model, double seconds, Map<String, TaskResult> results) {
    /**
     * Prints a line for each task's metrics, with their standard errors.
     *
     * @param out is not closed
     */
    public void print(PrintStream out) {
      results.forEach(
          (task, result) ->
              result.names().forEach(m -> out.printf("%-20s %-16s %s%n", task, m, result.cell(m))));
    }
  }

  /**
   * Scores a model by all tasks, one after the other on this thread.
   *
   * @param label what the model is called, for people
   * @param model to be asked
   * @return the tasks' results by name, in order
   * @throws org.tune4j.InputException when a row lacks a field
   * @throws java.util.concurrent.CancellationException when the model says that the run is to stop
   */
  public Outcome run(String label, LogLikelihoods model) {
    long start = System.nanoTime();
    Map<String, TaskResult> results = new LinkedHashMap<>();
    for (int i = 0; i < tasks.size(); i++) {
      results.put(tasks.get(i).name(), tasks.get(i).run(model, rows.get(i)));
    }
    return new Outcome(label, (System.nanoTime() - start) / 1e9, results);
  }

  /**
   * Writes results as JSON: {@code results.TASK.METRIC} and {@code samples.TASK} of the first
   * model, and the same of every model under {@code models} where there are several.
   *
   * @param file its folder is made where there is none
   * @param outcomes at least one
   * @throws EnvironmentException when it cannot be written
   */
  public static void write(Path file, List<Outcome> outcomes) {
    Map<String, Object> json = new LinkedHashMap<>(json(outcomes.get(0)));
    if (outcomes.size() > 1) {
      json.put("models", outcomes.stream().map(Evaluation::json).toList());
    }
    try {
      Path folder = file.toAbsolutePath().getParent();
      if (folder != null) {
        Files.createDirectories(folder);
      }
      new ObjectMapper().writerWithDefaultPrettyPrinter().writeValue(file.toFile(), json);
    } catch (IOException e) {
      throw new EnvironmentException("results %s cannot be written: %s".formatted(file, e), e);
    }
  }

  private static Map<String, Object> json(Outcome o) {
    Map<String, Object> results = new LinkedHashMap<>();
    Map<String, Object> samples = new LinkedHashMap<>();
    o.results()
        .forEach(
            (task, r) -> {
              results.put(task, r.metrics());
              samples.put(task, r.samples());
            });
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("model", o.model());
    json.put("seconds", o.seconds());
    json.put("results", results);
    json.put("samples", samples);
    return json;
  }
}

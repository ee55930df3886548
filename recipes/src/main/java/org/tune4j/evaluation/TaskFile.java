package org.tune4j.evaluation;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.TextFile;
import org.tune4j.evaluation.MultipleChoiceTask.Metric;
import org.tune4j.jinja.Template;
import org.tune4j.jinja.TemplateException;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/**
 * A task described by a user, with lm-eval's words:
 *
 * <pre>{@code
 * task: capitals
 * output_type: multiple_choice    # or loglikelihood_rolling
 * data: capitals.jsonl            # beside this file; --data goes before it
 * doc_to_text: "Q: {{ question }}\nA:"
 * doc_to_choice: choices          # a field, dots go deeper
 * doc_to_target: answer           # a field: number, letter, text or labels; or a number
 * target_delimiter: " "
 * metric: acc                     # or mc2
 * }</pre>
 */
final class TaskFile {
  private static final int MAX_ALIASES = 10;
  private static final int NAMED = 10;
  private static final Set<String> KEYS =
      Set.of(
          "task",
          "output_type",
          "data",
          "doc_to_text",
          "doc_to_choice",
          "doc_to_target",
          "target_delimiter",
          "metric");

  private final Path file;
  private final Map<String, String> values;

  private TaskFile(Path file, Map<String, String> values) {
    this.file = file;
    this.values = values;
  }

  static EvaluationTask read(Path file) {
    LoaderOptions options = new LoaderOptions();
    options.setAllowDuplicateKeys(false);
    options.setMaxAliasesForCollections(MAX_ALIASES);
    Object yaml;
    try {
      yaml =
          new Yaml(new SafeConstructor(options))
              .<@Nullable Object>load(TextFile.read(file, "task file"));
    } catch (YAMLException e) {
      throw new InputException(
          "task file %s cannot be read: %s"
              .formatted(file, String.valueOf(e.getMessage()).replaceAll("\\s+", " ")),
          e);
    }
    Map<String, String> values = new TreeMap<>();
    if (yaml instanceof Map<?, ?> map) {
      map.forEach((key, value) -> values.put(String.valueOf(key), String.valueOf(value)));
    }
    Set<String> unknown = new TreeSet<>(values.keySet());
    unknown.removeAll(KEYS);
    if (!unknown.isEmpty()) {
      throw new InputException(
          "task file %s: %s is not known; there are %s"
              .formatted(file, shown(unknown), new TreeSet<>(KEYS)));
    }
    return new TaskFile(file, values).task();
  }

  private static String shown(Set<String> keys) {
    int more = keys.size() - NAMED;
    return keys.stream().limit(NAMED).collect(Collectors.joining(", "))
        + (more > 0 ? " and %d more".formatted(more) : "");
  }

  private EvaluationTask task() {
    String name = need("task");
    String type = values.getOrDefault("output_type", "multiple_choice");
    String named = values.get("data");
    Path data = named == null ? null : file.toAbsolutePath().resolveSibling(named);
    return switch (type) {
      case "loglikelihood_rolling" ->
          new PerplexityTask(name, values.getOrDefault("doc_to_text", "text"), data);
      case "multiple_choice" ->
          new MultipleChoiceTask(
              name,
              template(need("doc_to_text")),
              need("doc_to_choice"),
              need("doc_to_target"),
              values.getOrDefault("target_delimiter", " "),
              metric(values.getOrDefault("metric", "acc")),
              data);
      default ->
          throw new InputException(
              "task file %s: output_type is '%s', expected multiple_choice or loglikelihood_rolling"
                  .formatted(file, type));
    };
  }

  private String need(String key) {
    String value = values.get(key);
    if (value == null) {
      throw new InputException("task file %s has no %s".formatted(file, key));
    }
    return value;
  }

  private Metric metric(String name) {
    try {
      return Metric.valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "task file %s: metric is '%s', expected acc or mc2".formatted(file, name), e);
    }
  }

  private Template template(String text) {
    try {
      return Template.parse(text);
    } catch (TemplateException e) {
      throw new InputException(
          "task file %s: doc_to_text, line %d: %s".formatted(file, e.line(), e.getMessage()), e);
    }
  }
}

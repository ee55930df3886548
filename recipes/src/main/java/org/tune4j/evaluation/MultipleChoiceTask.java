package org.tune4j.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.jinja.Template;
import org.tune4j.jinja.TemplateException;

/**
 * Choices after a prompt, compared by their log-probabilities.
 *
 * @param prompt a template over the row's fields
 * @param choices where the row has its choices, such as {@code mc2_targets.choices}
 * @param target where the row has the right choice, by number, or all labels (0 or 1); or the
 *     number itself
 * @param delimiter what stands between prompt and choice
 * @param dataFile null where the task's description names none
 */
record MultipleChoiceTask(
    String name,
    Template prompt,
    String choices,
    String target,
    String delimiter,
    Metric metric,
    @Nullable Path dataFile)
    implements EvaluationTask {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  /** How choices become a score. */
  enum Metric {
    /** Whether the likeliest choice is the right one; also {@code acc_norm}, by characters. */
    ACC,
    /** The share of probability that the right choices have (TruthfulQA's MC2). */
    MC2
  }

  @Override
  public Optional<Path> data() {
    return Optional.ofNullable(dataFile);
  }

  @Override
  public TaskResult run(LogLikelihoods model, List<JsonNode> rows) {
    double[] acc = new double[rows.size()];
    double[] byLength = new double[rows.size()];
    List<Map<String, Object>> samples = new ArrayList<>();
    for (int i = 0; i < acc.length; i++) {
      JsonNode row = rows.get(i);
      List<String> texts = texts(row, i);
      double[] sums = model.of(prompt(row, i), texts.stream().map(c -> delimiter + c).toList());
      Map<String, Object> sample = new LinkedHashMap<>();
      sample.put("doc_id", i);
      sample.put("loglikelihoods", sums);
      if (metric == Metric.MC2) {
        acc[i] = share(sums, labels(row, i, sums.length));
      } else {
        int right = right(row, i, sums.length);
        acc[i] = largest(sums) == right ? 1 : 0;
        double[] each = new double[sums.length];
        Arrays.setAll(each, c -> sums[c] / texts.get(c).length());
        byLength[i] = largest(each) == right ? 1 : 0;
        sample.put("acc_norm", byLength[i]);
      }
      sample.put("acc", acc[i]);
      samples.add(sample);
    }
    Map<String, Double> metrics = new LinkedHashMap<>();
    TaskResult.mean(metrics, "acc", acc);
    if (metric == Metric.ACC) {
      TaskResult.mean(metrics, "acc_norm", byLength);
    }
    return new TaskResult(metrics, samples);
  }

  private String prompt(JsonNode row, int index) {
    try {
      Map<?, ?> fields = MAPPER.convertValue(row, Map.class);
      Map<String, Object> named = new LinkedHashMap<>();
      fields.forEach((key, value) -> named.put(String.valueOf(key), value));
      return prompt.render(named);
    } catch (TemplateException e) {
      throw new InputException("task %s, row %d: %s".formatted(name, index + 1, e.getMessage()), e);
    }
  }

  private List<String> texts(JsonNode row, int index) {
    List<String> texts = new ArrayList<>();
    field(row, choices, index).forEach(c -> texts.add(c.asText()));
    if (texts.size() < 2) {
      throw new InputException(
          "task %s, row %d: %s has %d choices, expected 2 or more"
              .formatted(name, index + 1, choices, texts.size()));
    }
    return texts;
  }

  private JsonNode field(JsonNode row, String path, int index) {
    JsonNode at = row;
    for (String key : path.split("\\.")) {
      at = at.path(key);
    }
    if (at.isMissingNode() || at.isNull()) {
      throw new InputException(
          "task %s, row %d has no %s, it has %s; is it another task's data file?"
              .formatted(name, index + 1, path, fields(row)));
    }
    return at;
  }

  private static String fields(JsonNode row) {
    List<String> names = new ArrayList<>();
    row.fieldNames().forEachRemaining(names::add);
    return names.isEmpty() ? "no fields" : String.join(", ", names);
  }

  private int right(JsonNode row, int index, int n) {
    int right;
    if (target.matches("\\d+")) {
      right = Integer.parseInt(target);
    } else {
      JsonNode at = field(row, target, index);
      right = -1;
      if (at.isInt()) {
        right = at.asInt();
      } else if (at.isArray()) {
        right = labels(row, index, n).indexOf(true);
      } else {
        String text = at.asText();
        List<String> texts = texts(row, index);
        right = texts.indexOf(text);
        if (right < 0 && text.length() == 1) {
          right = Character.toUpperCase(text.charAt(0)) - 'A';
        }
      }
    }
    if (right < 0 || right >= n) {
      throw new InputException(
          "task %s, row %d: %s names none of the %d choices".formatted(name, index + 1, target, n));
    }
    return right;
  }

  private List<Boolean> labels(JsonNode row, int index, int n) {
    List<Boolean> labels = new ArrayList<>();
    field(row, target, index).forEach(l -> labels.add(l.asInt() == 1));
    if (labels.size() != n || !labels.contains(true)) {
      throw new InputException(
          "task %s, row %d: %s has %d labels for %d choices, expected as many, one of them 1"
              .formatted(name, index + 1, target, labels.size(), n));
    }
    return labels;
  }

  /** Normalised in logarithms, so that choices of any length count. */
  private static double share(double[] sums, List<Boolean> labels) {
    double highest = Arrays.stream(sums).max().orElseThrow();
    double right = 0;
    double all = 0;
    for (int i = 0; i < sums.length; i++) {
      double p = Math.exp(sums[i] - highest);
      all += p;
      right += labels.get(i) ? p : 0;
    }
    return right / all;
  }

  private static int largest(double[] values) {
    int best = 0;
    for (int i = 1; i < values.length; i++) {
      best = values[i] > values[best] ? i : best;
    }
    return best;
  }
}

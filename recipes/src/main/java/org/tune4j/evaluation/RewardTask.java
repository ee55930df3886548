package org.tune4j.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.UsageException;
import org.tune4j.data.PreferenceDataset;
import org.tune4j.inference.Classifier;

/**
 * How often a reward model scores the chosen answer higher than the rejected one, and by how much:
 * rows of {@code preference_dataset}.
 */
record RewardTask(String name) implements EvaluationTask {
  @Override
  public TaskResult run(LogLikelihoods model, List<JsonNode> rows) {
    double[] right = new double[rows.size()];
    double[] margins = new double[rows.size()];
    List<Map<String, Object>> samples = new ArrayList<>();
    for (int i = 0; i < right.length; i++) {
      Classifier classifier = model.classifier();
      if (classifier.labels().size() > 1) {
        throw new UsageException(
            "task %s takes a reward model, which has one label; the model has %s"
                .formatted(name, String.join(", ", classifier.labels())));
      }
      List<int[]> pair =
          PreferenceDataset.pair(TaskData.row(name, i, rows.get(i)), model.tokenizer());
      double chosen = classifier.scores(pair.get(0))[0];
      double rejected = classifier.scores(pair.get(1))[0];
      right[i] = chosen > rejected ? 1 : 0;
      margins[i] = chosen - rejected;
      Map<String, Object> sample = new LinkedHashMap<>();
      sample.put("doc_id", i);
      sample.put("chosen", chosen);
      sample.put("rejected", rejected);
      sample.put("acc", right[i]);
      samples.add(sample);
    }
    Map<String, Double> metrics = new LinkedHashMap<>();
    TaskResult.mean(metrics, "acc", right);
    TaskResult.mean(metrics, "margin", margins);
    return new TaskResult(metrics, samples);
  }
}

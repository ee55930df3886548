package org.tune4j.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.data.ClassificationDataset;
import org.tune4j.inference.Classifier;

/**
 * How often the label with the highest score is a text's: rows of {@code classification_dataset}.
 */
record ClassificationTask(String name) implements EvaluationTask {
  @Override
  public TaskResult run(LogLikelihoods model, List<JsonNode> rows) {
    double[] right = new double[rows.size()];
    List<Map<String, Object>> samples = new ArrayList<>();
    for (int i = 0; i < right.length; i++) {
      Classifier classifier = model.classifier();
      ClassificationDataset.Labelled row =
          ClassificationDataset.read(
              TaskData.row(name, i, rows.get(i)), model.tokenizer(), classifier.labels());
      double[] scores = classifier.scores(row.tokens());
      int best = Classifier.best(scores);
      right[i] = best == row.label() ? 1 : 0;
      Map<String, Object> sample = new LinkedHashMap<>();
      sample.put("doc_id", i);
      sample.put("label", classifier.labels().get(best));
      sample.put("scores", scores);
      sample.put("acc", right[i]);
      samples.add(sample);
    }
    Map<String, Double> metrics = new LinkedHashMap<>();
    TaskResult.mean(metrics, "acc", right);
    return new TaskResult(metrics, samples);
  }
}

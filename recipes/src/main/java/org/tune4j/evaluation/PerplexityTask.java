package org.tune4j.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.tokenizers.Tokenizer;

/**
 * How well a model foresees texts: {@code exp} of the mean negative log-probability by word, token
 * and byte. A text's first token is foreseen from BOS, or from EOS where the tokenizer has no BOS.
 *
 * @param field that holds a row's text
 * @param dataFile null where the task's description names none
 */
record PerplexityTask(String name, String field, @Nullable Path dataFile)
    implements EvaluationTask {
  private static final Pattern BLANKS = Pattern.compile("\\s+");

  @Override
  public Optional<Path> data() {
    return Optional.ofNullable(dataFile);
  }

  @Override
  public TaskResult run(LogLikelihoods model, List<JsonNode> rows) {
    int prefix = prefix(model.tokenizer());
    double sum = 0;
    long words = 0;
    long bytes = 0;
    List<Map<String, Object>> samples = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      JsonNode at = rows.get(i).path(field);
      if (!at.isTextual()) {
        throw new InputException(
            "task %s, row %d has no text '%s'; is it another task's data file?"
                .formatted(name, i + 1, field));
      }
      String text = at.asText();
      double logLikelihood = model.rolling(prefix, text);
      sum += logLikelihood;
      words += BLANKS.split(text, -1).length;
      bytes += text.getBytes(StandardCharsets.UTF_8).length;
      Map<String, Object> sample = new LinkedHashMap<>();
      sample.put("doc_id", i);
      sample.put("loglikelihood", logLikelihood);
      samples.add(sample);
    }
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("word_perplexity", Math.exp(-sum / words));
    metrics.put("byte_perplexity", Math.exp(-sum / bytes));
    metrics.put("bits_per_byte", -sum / bytes / Math.log(2));
    return new TaskResult(metrics, samples);
  }

  /** BOS where the tokenizer has one, else EOS: lm-eval's {@code prefix_token_id}. */
  private int prefix(Tokenizer tokenizer) {
    OptionalInt bos = tokenizer.bosId();
    OptionalInt prefix = bos.isPresent() ? bos : tokenizer.eosId();
    return prefix.orElseThrow(
        () ->
            new InputException(
                "task %s: the tokenizer has neither BOS nor EOS to begin a text with; set bos_token or eos_token in its tokenizer_config.json"
                    .formatted(name)));
  }
}

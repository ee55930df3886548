package org.tune4j.inference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.tune4j.evaluation.Evaluation;
import org.tune4j.evaluation.LogLikelihoods;
import org.tune4j.evaluation.TaskResult;
import org.tune4j.generation.Generation;
import org.tune4j.generation.GenerationListener;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.models.Continuation;
import org.tune4j.models.KvCache;
import org.tune4j.models.PackedRows;
import org.tune4j.models.TestBackend;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;

/**
 * SmolLM2-135M-Instruct in fp32 against transformers and lm-eval. The model's folder is what {@code
 * ../shared/models/dequantise.py} makes; the environment variable SMOLLM2_DIR names it.
 */
@Tag("long")
final class SmolLm2Test {
  private static final Path SHARED = Path.of("../../shared");

  private Engine engine;
  private TensorScope scope;
  private InferenceModel model;

  @BeforeEach
  void open() {
    String folder = System.getenv("SMOLLM2_DIR");
    assumeTrue(
        folder != null && Files.isDirectory(SHARED),
        "skipped: SMOLLM2_DIR names no folder, or ../shared is not there");
    engine = TestBackend.engine();
    scope = engine.openScope();
    model = InferenceModel.open(Path.of(String.valueOf(folder)), null, engine, DType.FP32);
  }

  @AfterEach
  void close() {
    if (model != null) {
      model.close();
      scope.close();
    }
  }

  private static JsonNode golden(String file) throws IOException {
    return new ObjectMapper().readTree(SHARED.resolve("golden/smollm2").resolve(file).toFile());
  }

  private static int[] ints(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }

  @Test
  void generate_greedy_isTransformersText() throws IOException {
    for (JsonNode g : golden("base_model.json")) {
      int[] prompt = ints(g.get("ids"));
      int n = g.get("greedy_ids").size();
      Generation found =
          model
              .generator(null)
              .generate(prompt, SamplingOptions.greedy(n), GenerationListener.NONE);
      String expected = model.tokenizer().decode(ints(g.get("greedy_ids")));
      assertTrue(expected.startsWith(found.text()), found + ", expected " + expected);
      assertTrue(found.newTokens() == n || found.text().length() > 8, found.toString());
    }
  }

  @Test
  void logits_greedy_areTransformersTokens() throws IOException {
    for (JsonNode g : golden("base_model.json")) {
      int[] next = ints(g.get("ids"));
      int[] expected = ints(g.get("greedy_ids"));
      int[] found = new int[expected.length];
      try (KvCache cache =
          new KvCache(scope, engine, model.base(), next.length + expected.length)) {
        Pass pass = Pass.evaluation(engine, scope);
        for (int i = 0; i < found.length; i++) {
          Continuation more = Continuation.of(cache, next);
          float[] logits = model.base().logits(pass, more, next.length - 1).toFloats();
          for (int id = 1; id < logits.length; id++) {
            found[i] = logits[id] > logits[found[i]] ? id : found[i];
          }
          next = new int[] {found[i]};
        }
      }
      assertArrayEquals(expected, found, g.get("prompt").asText());
    }
  }

  @Test
  void logits_areTransformers() throws IOException {
    double worst = 0;
    for (JsonNode g : golden("base_model.json")) {
      int[] prompt = ints(g.get("ids"));
      Pass pass = Pass.evaluation(engine, scope);
      float[] all = model.base().logits(pass, PackedRows.of(prompt)).toFloats();
      int vocab = model.base().config().vocabSize();
      int from = all.length - vocab;
      double sum = 0;
      for (int i = from; i < all.length; i++) {
        sum += Math.exp(all[i]);
      }
      int[] ids = ints(g.get("top5_ids"));
      for (int i = 0; i < ids.length; i++) {
        double expected = g.get("top5_logprobs").get(i).asDouble();
        double found = all[from + ids[i]] - Math.log(sum);
        assertEquals(expected, found, 1e-3, "token " + ids[i]);
        worst = Math.max(worst, Math.abs(expected - found));
      }
    }
    System.out.println("top-5 log-probabilities: worst difference " + worst);
  }

  @Test
  void truthfulqaMc2_givesLmEvalsLogLikelihoods() throws IOException {
    int questions = 30;
    JsonNode expected = golden("truthfulqa_mc2_first30.json").get("samples");
    Evaluation evaluation =
        Evaluation.of(
            List.of("truthfulqa_mc2"),
            SHARED.resolve("data/truthfulqa_mc2.jsonl"),
            questions,
            null);
    TaskResult found =
        evaluation
            .run("", new LogLikelihoods(engine, scope, model.base(), model.tokenizer()))
            .results()
            .get("truthfulqa_mc2");
    double worst = 0;
    for (int q = 0; q < questions; q++) {
      Map<String, Object> sample = found.samples().get(q);
      double[] sums = (double[]) sample.get("loglikelihoods");
      JsonNode there = expected.get(q).get("loglikelihoods");
      assertEquals(there.size(), sums.length);
      for (int c = 0; c < sums.length; c++) {
        assertEquals(there.get(c).asDouble(), sums[c], 1e-3, "question " + q + ", choice " + c);
        worst = Math.max(worst, Math.abs(there.get(c).asDouble() - sums[c]));
      }
      assertEquals(expected.get(q).get("acc").asDouble(), (double) sample.get("acc"), 1e-3);
    }
    double score = golden("truthfulqa_mc2_first30.json").get("acc").asDouble();
    assertEquals(score, found.metrics().get("acc"), 1e-3);
    System.out.println("truthfulqa_mc2: worst difference of a log-likelihood " + worst);
  }
}

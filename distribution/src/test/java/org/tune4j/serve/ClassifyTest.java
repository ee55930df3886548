package org.tune4j.serve;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.data.ScoredText;
import org.tune4j.inference.Classifier;
import org.tune4j.tokenizers.Message;

/** {@code POST /classify} over the golden classifiers. */
class ClassifyTest {
  private static final Path GOLDEN = Path.of("../recipes/src/test/resources/golden/classifiers");
  private static final Path CLASSES = GOLDEN.resolve("classes");

  private static TinyServer server;

  @BeforeAll
  static void start() throws Exception {
    server = TinyServer.ofClassifier(CLASSES);
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
  }

  private static JsonNode classify(String model, String rest) throws Exception {
    return server.ask("/classify", "{\"model\": \"%s\", %s}".formatted(model, rest));
  }

  private static double[] numbers(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false)
        .mapToDouble(JsonNode::asDouble)
        .toArray();
  }

  @Test
  void textsAndIds_haveScores_ofModelAndAdapter() throws Exception {
    for (String model : List.of("tiny", "org/lora")) {
      Path adapter = model.equals("tiny") ? null : CLASSES.resolve("adapter");
      double[][] expected =
          TinyServer.withModel(
              CLASSES,
              m -> {
                Classifier classifier = new Classifier(m.engine(), m.with(adapter));
                return new double[][] {
                  classifier.scores(ScoredText.text(m.tokenizer(), "ab")),
                  classifier.scores(new int[] {5, 6, 7})
                };
              });
      JsonNode one = classify(model, "\"input\": \"ab\"");
      assertEquals(200, one.path("status").asInt(), one.toString());
      assertEquals("[\"negative\",\"neutral\",\"positive\"]", one.path("labels").toString());
      assertArrayEquals(expected[0], numbers(one.path("data").path(0).path("scores")), 1e-6);
      JsonNode ids = classify(model, "\"input\": [[5, 6, 7], [5, 6, 7]]").path("data");
      assertEquals(2, ids.size());
      assertArrayEquals(expected[1], numbers(ids.path(1).path("scores")), 1e-6);
      double[] probs = numbers(ids.path(0).path("probs"));
      int best = Classifier.best(expected[1]);
      assertEquals(one.path("labels").path(best), ids.path(0).path("label"));
      assertEquals(best, Classifier.best(probs));
      assertEquals(1, probs[0] + probs[1] + probs[2], 1e-12);
      assertEquals(
          Math.exp(expected[1][0] - expected[1][1]),
          probs[0] / probs[1],
          1e-6 * probs[0] / probs[1]);
    }
  }

  @Test
  void conversation_isScoredAsItWasTrainedOn() throws Exception {
    List<Message> turns =
        List.of(new Message("user", "a", true), new Message("assistant", "b", true));
    double[] expected =
        TinyServer.withModel(
            CLASSES,
            m ->
                new Classifier(m.engine(), m.base())
                    .scores(ScoredText.conversation(m.tokenizer(), turns)));
    JsonNode answer =
        classify(
            "tiny",
            "\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]");
    assertArrayEquals(expected, numbers(answer.path("data").path(0).path("scores")), 1e-6);
  }

  @Test
  void reward_isOneScore_withoutProbabilities() throws Exception {
    try (TinyServer rewards = TinyServer.ofClassifier(GOLDEN.resolve("reward"))) {
      JsonNode one =
          rewards.ask("/classify", "{\"model\": \"tiny\", \"input\": [5, 6]}").path("data").path(0);
      assertEquals(1, one.path("scores").size(), one.toString());
      assertFalse(one.has("probs"), one.toString());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "/v1/completions | {\"model\": \"tiny\", \"prompt\": \"a\"} | model 'tiny' is a classifier, which gives scores and no text; POST to /classify",
        "/v1/chat/completions | {\"model\": \"tiny\", \"messages\": [{\"role\": \"user\", \"content\": \"a\"}]} | model 'tiny' is a classifier, which gives scores and no text; POST to /classify",
        "/classify | {\"model\": \"tiny\", \"input\": \"\"} | a text has 0 tokens, expected 1 to 64",
        "/classify | {\"model\": \"tiny\", \"input\": [320]} | 'input' is [320], expected token ids to be integers from 0 to 126",
        "/classify | {\"model\": \"tiny\"} | 'input'",
        "/classify | {\"model\": \"tiny\", \"input\": \"a\", \"messages\": []} | 'input' and 'messages' are both given; leave one out",
        "/classify | {\"model\": \"tiny\", \"input\": \"a\", \"temperature\": 1} | 'temperature'",
      })
  void whatIsNotAnswered_isRefused(String path, String body, String message) throws Exception {
    JsonNode answer = server.ask(path, body);
    assertEquals(400, answer.path("status").asInt(), answer.toString());
    String said = answer.path("error").path("message").asText();
    assertTrue(said.contains(message), said);
  }

  @Test
  void modelOfText_hasNoScores() throws Exception {
    try (TinyServer text = TinyServer.start()) {
      JsonNode answer = text.ask("/classify", "{\"model\": \"tiny\", \"input\": \"a\"}");
      assertEquals(400, answer.path("status").asInt(), answer.toString());
      assertEquals(
          "model 'tiny' is no classifier: it gives text and no scores; POST to /v1/completions or /v1/chat/completions",
          answer.path("error").path("message").asText());
    }
  }
}

package org.tune4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyString;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.tune4j.generation.Generator;
import org.tune4j.tokenizers.Tokenizer;

/** Prompts whose tokenizer takes as long as the test wants. */
class LongPromptTest {
  private static final int MORE_THAN_THREADS = 12;

  private final CountDownLatch end = new CountDownLatch(1);
  private final CountDownLatch shortOne = new CountDownLatch(1);
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private ServedModels models() {
    Tokenizer tokenizer = mock(Tokenizer.class);
    when(tokenizer.encodeAlone(anyString()))
        .thenAnswer(
            call -> {
              if (call.<String>getArgument(0).length() < 100) {
                shortOne.countDown();
              } else {
                awaitEnd();
              }
              return new int[200_000];
            });
    ServedModels models = mock(ServedModels.class);
    when(models.names()).thenReturn(List.of("tiny"));
    when(models.base()).thenReturn("tiny");
    when(models.generator(any())).thenReturn(mock(Generator.class));
    when(models.tokenizer()).thenReturn(tokenizer);
    when(models.maxSeqLen()).thenReturn(100_000);
    when(models.maxCharacters()).thenReturn(1_000_000L);
    when(models.vocabSize()).thenReturn(128);
    return models;
  }

  private void awaitEnd() {
    try {
      assertTrue(end.await(5, TimeUnit.MINUTES));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private HttpRequest.Builder request(ModelServer server, String path) {
    return HttpRequest.newBuilder(
            URI.create("http://127.0.0.1:" + server.address().getPort() + path))
        .timeout(Duration.ofMinutes(5));
  }

  private CompletableFuture<HttpResponse<String>> ask(ModelServer server, String prompt) {
    return http.sendAsync(
        request(server, "/v1/completions")
            .header("Content-Type", "application/json")
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    "{\"model\": \"tiny\", \"prompt\": \"%s\"}".formatted(prompt)))
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void prompts_thatTakeLongToRead_holdUpNobodyElse() throws Exception {
    try (ModelServer server =
        ModelServer.start(models(), TinyServer.LIMITS, "127.0.0.1", 0, null, null, () -> false)) {
      List<CompletableFuture<HttpResponse<String>>> slow = new ArrayList<>();
      for (int i = 0; i < MORE_THAN_THREADS; i++) {
        slow.add(ask(server, "a".repeat(40_000)));
      }
      assertEquals(
          200,
          http.send(request(server, "/health").build(), HttpResponse.BodyHandlers.ofString())
              .statusCode());
      assertEquals(400, ask(server, "short").get(5, TimeUnit.MINUTES).statusCode());
      assertEquals(0, shortOne.getCount());
      assertTrue(slow.stream().noneMatch(CompletableFuture::isDone));
      end.countDown();
      for (CompletableFuture<HttpResponse<String>> s : slow) {
        assertEquals(400, s.get(5, TimeUnit.MINUTES).statusCode());
      }
    }
  }

  /** Also where it is still being read, or waits for that. */
  @Test
  void prompts_whoseTimeIsOver_areToldSo() throws Exception {
    Duration minutes = Duration.ofMinutes(5);
    ServerLimits hurried = TinyServer.limits(64, Duration.ofMillis(200), minutes, minutes);
    try (ModelServer server =
        ModelServer.start(models(), hurried, "127.0.0.1", 0, null, null, () -> false)) {
      CompletableFuture<HttpResponse<String>> read = ask(server, "a".repeat(40_000));
      CompletableFuture<HttpResponse<String>> waits = ask(server, "a".repeat(40_000));
      assertEquals(503, read.get(5, TimeUnit.MINUTES).statusCode());
      assertEquals(503, waits.get(5, TimeUnit.MINUTES).statusCode());
    } finally {
      end.countDown();
    }
  }
}

package org.tune4j.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.EnvironmentException;
import org.tune4j.UsageException;
import org.tune4j.metrics.MetricLogger.Outcome;

/** The requests that MLflow's server gets, by a server that keeps what it is told. */
class MlflowLoggerTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path output;
  private HttpServer server;
  private final List<Integer> batches = new ArrayList<>();
  private final List<Long> losses = new ArrayList<>();
  private final Map<String, String> params = new TreeMap<>();
  private final List<String> authorizations = new ArrayList<>();
  private int runs;
  private String status = "";
  private int failures;
  private int code;
  private String redirect = "";

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/api/2.0/mlflow/", this::answer);
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private void answer(HttpExchange exchange) throws IOException {
    JsonNode body = JSON.readTree(exchange.getRequestBody().readAllBytes());
    authorizations.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
    String answer = "{}";
    int status = 200;
    if (failures > 0) {
      failures--;
      status = code;
      if (!redirect.isEmpty()) {
        exchange.getResponseHeaders().set("Location", redirect);
      }
    } else {
      switch (exchange.getRequestURI().getPath().substring("/api/2.0/mlflow/".length())) {
        case "experiments/get-by-name" -> {
          status = 404;
          answer = "{\"error_code\": \"RESOURCE_DOES_NOT_EXIST\"}";
        }
        case "experiments/create" -> answer = "{\"experiment_id\": \"7\"}";
        case "runs/create" -> {
          runs++;
          answer = "{\"run\": {\"info\": {\"run_id\": \"r" + runs + "\"}}}";
        }
        case "runs/get" -> {
          StringBuilder p = new StringBuilder();
          params.forEach(
              (k, v) -> p.append(p.isEmpty() ? "" : ",").append("{\"key\":\"" + k + "\"}"));
          answer =
              "{\"run\": {\"info\": {\"run_id\": \"r1\"}, \"data\": {\"params\": [" + p + "]}}}";
        }
        case "runs/update" -> this.status = body.path("status").asText();
        case "metrics/get-history" -> {
          // Two pages.
          boolean first = !exchange.getRequestURI().getQuery().contains("page_token=next");
          StringBuilder m = new StringBuilder();
          for (int i = 0; i < losses.size(); i++) {
            if (i % 2 == 0 == first) {
              m.append(m.isEmpty() ? "" : ",").append("{\"step\":" + losses.get(i) + "}");
            }
          }
          answer = "{\"metrics\": [" + m + "]" + (first ? ", \"next_page_token\": \"next\"}" : "}");
        }
        case "runs/log-batch" -> {
          body.path("params")
              .forEach(p -> params.put(p.path("key").asText(), p.path("value").asText()));
          if (body.has("metrics")) {
            batches.add(body.path("metrics").size());
          }
          for (JsonNode m : body.path("metrics")) {
            if (m.path("key").asText().equals("loss")) {
              losses.add(m.path("step").asLong());
            }
          }
        }
        default -> status = 400;
      }
    }
    byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  private MetricLogger.Spec logger(Map<String, String> environment) {
    return new MlflowLogger(
        "e", "http://127.0.0.1:" + server.getAddress().getPort(), null, null, environment);
  }

  private static List<Long> range(long from, long to) {
    return LongStream.rangeClosed(from, to).boxed().toList();
  }

  @Test
  void log_manySteps_wholeStepsInBatchesOfAtMostAThousand() throws IOException {
    Map<String, String> settings = new HashMap<>();
    for (int i = 0; i < 150; i++) {
      settings.put("section.key" + i, "v".repeat(600));
    }
    settings.put("a:b", "x");
    MetricLogger logger = logger(Map.of()).open(LoggerFixture.run(output, 0, settings, System.out));
    for (StepMetrics m : LoggerFixture.steps(1, 500)) {
      logger.log(m);
    }
    logger.flush();
    logger.close(Outcome.FINISHED);
    assertEquals(range(1, 500), losses);
    assertTrue(batches.size() > 3 && batches.stream().allMatch(n -> n <= 1000), batches.toString());
    assertEquals(151, params.size());
    assertEquals("v".repeat(497) + "...", params.get("section.key0"));
    assertEquals("x", params.get("a_b"));
    assertEquals("FINISHED", status);
    assertEquals("null", authorizations.get(0));
  }

  @Test
  void open_afterAKill_sameRunWithEachStepOnce() throws IOException {
    MetricLogger killed = logger(Map.of()).open(LoggerFixture.run(output, 0));
    for (long step : List.of(1L, 2L, 3L, 6L)) { // 4 and 5 never left the queue
      killed.log(LoggerFixture.step(step));
    }
    killed.flush();
    MetricLogger resumed = logger(Map.of()).open(LoggerFixture.run(output, 5));
    for (StepMetrics m : LoggerFixture.steps(6, 8)) {
      resumed.log(m);
    }
    resumed.flush();
    resumed.close(Outcome.STOPPED);
    assertEquals(1, runs);
    assertEquals(range(1, 8), losses.stream().sorted().toList());
    assertEquals("KILLED", status);
  }

  @Test
  void flush_serverInTrouble_ioExceptionAndNothingIsLost() throws IOException {
    MetricLogger logger = logger(Map.of()).open(LoggerFixture.run(output, 0));
    logger.log(LoggerFixture.step(1));
    failures = 1;
    code = 503;
    IOException e = assertThrows(IOException.class, logger::flush);
    assertTrue(e.getMessage().endsWith("answers runs/log-batch with 503"), e.getMessage());
    logger.flush();
    assertEquals(List.of(1L), losses);
  }

  @Test
  void open_unauthorized_saysWhatToSet() throws IOException {
    failures = 1;
    code = 401;
    EnvironmentException e =
        assertThrows(
            EnvironmentException.class, () -> logger(Map.of()).open(LoggerFixture.run(output, 0)));
    assertTrue(e.getMessage().contains("with 401; set MLFLOW_TRACKING_USERNAME"), e.getMessage());
  }

  @Test
  void open_credentialsInTheEnvironment_passwordBeforeToken() throws IOException {
    Map<String, String> environment = new HashMap<>(Map.of("MLFLOW_TRACKING_TOKEN", "t"));
    logger(environment).open(LoggerFixture.run(output, 0));
    assertEquals("Bearer t", authorizations.get(0));
    authorizations.clear();
    environment.put("MLFLOW_TRACKING_USERNAME", "u");
    environment.put("MLFLOW_TRACKING_PASSWORD", "p");
    logger(environment).open(LoggerFixture.run(output, 0));
    assertEquals("Basic dTpw", authorizations.get(0));
  }

  @ParameterizedTest
  @ValueSource(ints = {301, 302, 307, 308})
  void open_redirectToAnotherServer_isRefusedAndSeesNothing(int code) throws IOException {
    List<String> seen = new ArrayList<>();
    HttpServer other =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    other.createContext(
        "/",
        exchange -> {
          seen.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
          exchange.sendResponseHeaders(404, -1);
        });
    other.start();
    try {
      int port = other.getAddress().getPort();
      failures = 1;
      this.code = code;
      redirect = "http://127.0.0.1:" + port + "/steal";
      EnvironmentException e =
          assertThrows(
              EnvironmentException.class,
              () ->
                  logger(Map.of("MLFLOW_TRACKING_TOKEN", "t")).open(LoggerFixture.run(output, 0)));
      assertEquals(List.of(), seen);
      assertEquals(
          "MLflow at http://127.0.0.1:%d redirects to http://127.0.0.1:%d, and nothing is sent there; set tracking_uri to that server if it is yours"
              .formatted(server.getAddress().getPort(), port),
          e.getMessage());
    } finally {
      other.stop(0);
    }
  }

  @Test
  void open_redirectWithinTheServer_isFollowed() throws IOException {
    failures = 1;
    code = 308;
    redirect = "/api/2.0/mlflow/experiments/get-by-name";
    logger(Map.of("MLFLOW_TRACKING_TOKEN", "t")).open(LoggerFixture.run(output, 0));
    assertEquals(1, runs);
    assertEquals(Set.of("Bearer t"), Set.copyOf(authorizations));
  }

  @Test
  void build_wrongUri_saysWhatIsExpected() {
    for (String uri : List.of("file:///tmp/mlruns", "localhost:5000", "databricks", "http://")) {
      UsageException e =
          assertThrows(UsageException.class, () -> new MlflowLogger(null, uri, null, null));
      assertTrue(
          e.getMessage().contains("tracking_uri is '" + uri + "', expected http"), e.getMessage());
    }
    UsageException e =
        assertThrows(
            UsageException.class,
            () -> new MlflowLogger(null, "http://me:secret@host", null, null));
    assertTrue(!e.getMessage().contains("secret"), e.getMessage());
  }
}
